// Reloads the page when what is in the readers changes, unless somebody is typing.
const shown = document.currentScript.dataset.token;
const isTyping = () => [...document.querySelectorAll("input")].some((input) => input.value !== input.defaultValue);
new EventSource("/cards/events").onmessage = (event) => {
  if (event.data !== shown && !isTyping()) {
    location.replace("/masks");
  }
};
