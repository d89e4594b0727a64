// Opens a page with the network off and prints what a person would see of it, as JSON.
// node look.js BROWSER PAGE [FOLDER]: with a folder, also screenshots.
const { chromium } = require("playwright-core");

const QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];

const measure = () => {
  const seen = (element) => {
    const box = element.getBoundingClientRect();
    return { id: element.closest("figure").id, width: box.width, height: box.height,
             label: element.getAttribute("aria-label") || "" };
  };
  const outside = [...document.querySelectorAll("main *")].filter((element) => {
    if (element.closest(".scroll, pre") && !element.matches(".scroll, pre")) return false;
    const box = element.getBoundingClientRect();
    return box.width > 0 && (box.right > window.innerWidth + 1 || box.left < -1);
  });
  const unread = [...document.querySelectorAll("svg text")].filter((text) => {
    const size = text.getBoundingClientRect().height;
    return size < 6;
  });
  return {
    figures: [...document.querySelectorAll("figure svg")].map(seen),
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    outside: outside.slice(0, 5).map((element) => `${element.tagName} ${element.textContent.slice(0, 40)}`),
    unread: unread.length,
    elements: document.querySelectorAll("*").length,
    scripts: document.scripts.length,
    paper: getComputedStyle(document.body).backgroundColor,
    ink: getComputedStyle(document.querySelector("h1")).color,
    line: getComputedStyle(document.querySelector("svg text")).fill,
  };
};

(async () => {
  const [executablePath, page, folder] = process.argv.slice(2);
  const browser = await chromium.launch({ executablePath, args: QUIET });
  const views = [];
  for (const width of [1280, 390]) {
    for (const colorScheme of ["light", "dark"]) {
      const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme, offline: true });
      const tab = await context.newPage();
      const requests = [], errors = [];
      tab.on("request", (request) => requests.push(request.url()));
      tab.on("console", (message) => { if (message.type() !== "log") errors.push(message.text()); });
      tab.on("pageerror", (error) => errors.push(String(error)));
      await tab.route("**/*", (route) => (route.request().url() === page ? route.continue() : route.abort()));
      await tab.goto(page);
      views.push({ width, colorScheme, requests, errors, ...(await tab.evaluate(measure)) });
      const shown = () => [...document.querySelectorAll("table")].filter((table) => table.checkVisibility()).length;
      const open = await tab.evaluate(shown);
      await tab.emulateMedia({ media: "print" });
      Object.assign(views.at(-1), { open, printed: await tab.evaluate(shown) });
      await tab.emulateMedia({ media: "screen" });
      if (folder) await tab.screenshot({ path: `${folder}/${width}-${colorScheme}.png`, fullPage: true });
      await context.close();
    }
  }
  await browser.close();
  console.log(JSON.stringify(views));
})();
