from pathlib import Path

from unroll.store import Store
from unroll.testing.stores import StoreConformance


class TestSqliteStore(StoreConformance):
    def open_store(self, path: Path, write: bool) -> Store:
        return Store.open(path, write=write)
