// Small helpers. Text only ever goes in as text.
export const byId = (id) => document.getElementById(id);

export function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function ago(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d`;
}

export function moment(text) {
  return text ? new Date(text).toLocaleString() : "–";
}

export function words(name) {
  return name.replaceAll("_", " ");
}

export function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function share(value) {
  // 99.996 % is not 100 %: what was down for a second is not shown as up all day.
  const percent = Math.floor(value * 10000) / 100;
  return `${percent.toFixed(percent === 100 ? 0 : 2)} %`;
}

export function options(select, wanted, picked) {
  const there = [...select.options].map((option) => option.value);
  if (wanted.join("\n") !== there.join("\n")) {
    select.replaceChildren(...wanted.map((site) => {
      const option = make("option", "", site || "All sites");
      option.value = site;
      return option;
    }));
  }
  if (select.value !== picked) select.value = picked;
}
