/** What this browser remembers. Private windows and full disks refuse, and then nothing is kept. */

export function recall<T>(name: string, otherwise: T): T {
  try {
    const text = localStorage.getItem(`watchfloor.${name}`);
    return text === null ? otherwise : (JSON.parse(text) as T);
  } catch {
    return otherwise;
  }
}

export function remember(name: string, value: unknown): void {
  try {
    localStorage.setItem(`watchfloor.${name}`, JSON.stringify(value));
  } catch {
    // Nothing depends on it.
  }
}
