// The steps of the page: whoever uses an element goes to its step first, as a person does.

/** What is done with an element that has to be visible. */
const actions = [
  "boundingBox",
  "check",
  "click",
  "fill",
  "focus",
  "hover",
  "innerText",
  "press",
  "screenshot",
  "selectOption",
  "setChecked",
  "waitFor",
];

/** Ways from one locator to another. */
const ways = ["filter", "first", "last", "locator", "nth"];

/** Shows the step whose panel holds an element, if it is not the one that is visible. */
export function goTo(element) {
  return element.evaluate((element) => {
    const panel = element.closest("[role=tabpanel][hidden]");
    if (panel) document.getElementById(panel.getAttribute("aria-labelledby")).click();
  });
}

/** A locator whose actions go to the element's step. What waits for an element to be gone, goes nowhere. */
function following(locator) {
  return new Proxy(locator, {
    get(target, name) {
      const value = target[name];
      if (ways.includes(name)) return (...given) => following(value.apply(target, given));
      if (!actions.includes(name)) return typeof value === "function" ? value.bind(target) : value;
      return async (...given) => {
        const [{ state = "visible", timeout } = {}] = name === "waitFor" ? given : [];
        if (state !== "visible") return target.waitFor(...given);
        await target.waitFor({ state: "attached", timeout });
        await goTo(target);
        return value.apply(target, given);
      };
    },
  });
}

/** Lets all locators of a page follow the steps. */
export function followSteps(page) {
  const locator = page.locator.bind(page);
  page.locator = (...given) => following(locator(...given));
}

/** The step that is visible, by the id of its panel. */
export const visibleStep = (page) =>
  page.evaluate(() => document.querySelector("[role=tabpanel]:not([hidden])").id);
