// 列印: the browser's own dialog; where scripts are off the page says which keys do the same.
document.querySelector("#print").addEventListener("click", () => { window.print(); });
