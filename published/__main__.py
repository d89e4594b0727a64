"""Run what the texts quote, store its tables, and write the texts: ``make published``.

Run: python -m published [--only NAME ...] [--as-stored] [--times] [--write | --check]

Without options every study that a mark names is run in the store (what is finished is never run again: stop, and go on
as you like), its tables are written to ``published/tables`` and the quotes into the texts. ``--check`` compares texts
and tables; ``make lint`` does.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from published.marks import Mark, MarkError
from published.tables import FIGURE, TABLES, Stored
from published.texts import ROOT, asked, faults, rewrite, texts

STORE = "published/store/results.db"
MEASURED = {"bench": "make bench writes it", "clock": "its table is kept by hand"}
"""Sources that no study makes."""


def main(words: list[str] | None = None, root: Path = ROOT) -> int:
    """Do what the options say with the texts of a repository; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m published", description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these studies alone")
    parser.add_argument("--store", type=Path, default=root / STORE, help=f"where results are kept (default: {STORE})")
    parser.add_argument("--workers", type=int, help="processes that train (default: one per core)")
    parser.add_argument("--as-stored", action="store_true", help="run nothing: publish what the store holds")
    parser.add_argument("--times", action="store_true", help="publish seconds too: nothing else runs on this machine")
    parser.add_argument("--write", action="store_true", help="only write texts and figures, from the stored tables")
    parser.add_argument("--check", action="store_true", help="only compare the texts with the stored tables")
    options = parser.parse_args(words)
    try:
        if options.check:
            return check(root)
        if not options.write:
            publish(options, root)
        return write_texts(root)
    except MarkError as error:
        print(error, file=sys.stderr)
        return 2


def check(root: Path) -> int:
    """Print what the texts quote and is not so; return 1 where there is something."""
    stored = Stored(root / TABLES)
    found = [fault for path in texts(root) for fault in faults(path, stored, root)]
    for name in stored.names():
        found += [f"{TABLES}/{name}/{file} was changed by hand." for file in stored.source(name).changed()]
    unquoted = set(stored.names()) - set(asked(root))
    found += [f"{TABLES}/{name}: no text quotes it. Remove it, or quote it." for name in sorted(unquoted)]
    print("\n".join(found) if found else "Every marked number is the stored one.", file=sys.stderr)
    awaited = sorted(name for name in asked(root) if stored.awaits(name))
    if awaited:
        print(f"Not yet published: {', '.join(awaited)}. To run them: make published", file=sys.stderr)
    return 1 if found else 0


def publish(options: argparse.Namespace, root: Path) -> None:
    """Run, and store the tables of, each study that is asked for."""
    by_source = asked(root)
    wanted = options.only or sorted(by_source.keys() - MEASURED.keys())
    for name in wanted:
        if name not in by_source:
            raise MarkError(f'No text quotes "{name}". Those that are quoted: {", ".join(sorted(by_source))}.')
        if name in MEASURED:
            raise MarkError(f'"{name}" is measured, not trained: {MEASURED[name]}.')
    for name in wanted:
        _publish(name, by_source[name], options, root / TABLES / name)


def _publish(name: str, quoted: list[tuple[Path, Mark]], options: argparse.Namespace, folder: Path) -> None:
    from published import blocks, export, pictures, quotes
    from unroll import Results, read_study, run
    from unroll.store import Store

    study = read_study(name)
    print(f"{name}:", file=sys.stderr)
    if options.as_stored:
        results = Results(study, options.store)
    else:
        options.store.parent.mkdir(parents=True, exist_ok=True)
        results = run(study, options.store, workers=options.workers)
        missing = results.missing()
        if len(missing):
            raise MarkError(
                f"{name}: {len(missing)} trials are missing. Why: unroll show {name} --store {options.store}"
            )
    with Store.open(options.store) as store:
        known = export.facts(results, store.trials([trial.key for trial in results.planned]))
    tables = export.tables(results)
    if options.times:
        tables["times"] = export.times(results, known)
    verbs = [(path, mark, quotes.verb(mark)) for path, mark in quoted]
    if any(verb == "show" for _, _, verb in verbs):
        known["show"] = export.show(results)
    commands = dict.fromkeys(blocks.command_of(mark) for _, mark, verb in verbs if verb == "output")
    known["outputs"] = {command: export.output(command, options.store) for command in commands}
    before = Stored(folder.parent).source(name).facts.get("pictures", {}) if (folder / "facts.json").exists() else {}
    known["pictures"], drawn = {}, {}
    for path, mark, verb in verbs:
        if verb == "picture":
            figure, file = blocks.picture_of(mark)
            known["pictures"][figure], drawn[figure] = pictures.draw(results, figure, path.parent / file, before)
    known["pictures"] = {figure: facts for figure, facts in known["pictures"].items() if facts}
    export.store_tables(folder, tables, known, {figure: table for figure, table in drawn.items() if table})


def redraw(root: Path) -> None:
    """Draw each figure that texts show from its stored table, and note those that came out otherwise."""
    from published import blocks, export, pictures, quotes

    for name, quoted in asked(root).items():
        folder = root / TABLES / name
        for path, mark in quoted:
            figure, file = blocks.picture_of(mark) if quotes.verb(mark) == "picture" else ("", "")
            table = folder / FIGURE.format(figure)
            if not table.exists():
                continue
            drawn = pictures.draw_figure(figure, pictures.read(table), path.parent / file)
            facts = Stored(folder.parent).source(name).facts
            if facts["pictures"].get(figure) != drawn:
                export.store_facts(folder, {**facts, "pictures": {**facts["pictures"], figure: drawn}})
                print(f"Drew {file}", file=sys.stderr)


def write_texts(root: Path) -> int:
    """Draw the figures, write the quotes into the texts, and the notebooks again where theirs changed; compare all."""
    redraw(root)
    stored = Stored(root / TABLES)
    changed = [path for path in texts(root) if rewrite(path, stored)]
    for path in changed:
        print(f"Wrote {path.relative_to(root)}", file=sys.stderr)
        if path.suffix == ".py":
            jupytext = [sys.executable, "-m", "jupytext", "--quiet", "--to", "ipynb", "--update", str(path)]
            subprocess.run(jupytext, check=True)
    return check(root)


if __name__ == "__main__":
    sys.exit(main())
