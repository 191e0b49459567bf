// Reloads the page when what is in the readers changes, unless somebody is typing or a form is on its way.
const { token: shown, page = "/masks" } = document.currentScript.dataset;
let now = shown;
let isSent = false;
const isChanged = (field) =>
  field.tagName === "SELECT" ? !field.options[field.selectedIndex]?.defaultSelected && field.selectedIndex > 0
    : field.type !== "hidden" && field.value !== field.defaultValue;
const look = () => {
  if (now !== shown && !isSent && ![...document.querySelectorAll("input, select")].some(isChanged)) {
    location.replace(page);
  }
};
new EventSource("/cards/events").onmessage = (event) => { now = event.data; look(); };
document.addEventListener("input", look);
document.addEventListener("submit", () => { isSent = true; });
