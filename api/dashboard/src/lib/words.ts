/** Words out of names that programs use. */

export function words(name: string): string {
  return name.replaceAll("_", " ");
}

export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
