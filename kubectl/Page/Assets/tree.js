// A tree that is walked by keys (WAI-ARIA Authoring Practices, "Tree View Pattern"): one item is in the tab order, arrows move on.

/** Of the items that are shown, in their order. */
const shown = (root) => [...root.querySelectorAll('[role=treeitem]')];
const parentOf = (item) => item.parentElement.closest('[role=treeitem]');

export class TreeKeys {
  #root;
  #toggle;
  #typed = '';
  #typedAt = 0;

  /** @param toggle takes an item and whether it shall be open; what is closed has no items in it. */
  constructor(root, toggle) {
    this.#root = root;
    this.#toggle = toggle;
    root.addEventListener('keydown', (event) => this.#press(event));
    root.addEventListener('focusin', (event) => this.mark(event.target.closest('[role=treeitem]')));
  }

  /** The item that Tab comes to. */
  get current() {
    return this.#root.querySelector('[role=treeitem][tabindex="0"]');
  }

  mark(item) {
    if (!item) return;
    const before = this.current;
    if (before && before !== item) before.tabIndex = -1;
    item.tabIndex = 0;
  }

  /** After items came and went. */
  settle() {
    if (!this.current) this.mark(this.#root.querySelector('[role=treeitem]'));
  }

  focus(item) {
    this.mark(item);
    item?.focus();
    item?.querySelector('.row')?.scrollIntoView({ block: 'nearest' });
  }

  #press(event) {
    const item = event.target.closest('[role=treeitem]');
    if (!item || event.target !== item || event.ctrlKey || event.altKey || event.metaKey) return;
    const open = item.getAttribute('aria-expanded');
    const all = shown(this.#root);
    const at = all.indexOf(item);
    switch (event.key) {
      case 'ArrowDown': this.focus(all[at + 1] ?? item); break;
      case 'ArrowUp': this.focus(all[at - 1] ?? item); break;
      case 'Home': this.focus(all[0]); break;
      case 'End': this.focus(all.at(-1)); break;
      case 'ArrowRight':
        if (open === 'false') this.#toggle(item, true);
        else if (open === 'true' && all[at + 1] && item.contains(all[at + 1])) this.focus(all[at + 1]);
        break;
      case 'ArrowLeft':
        if (open === 'true') this.#toggle(item, false);
        else if (parentOf(item)) this.focus(parentOf(item));
        break;
      case 'Enter': case ' ':
        if (open !== null) this.#toggle(item, open === 'false');
        break;
      default:
        if (event.key.length !== 1 || event.key === '/') return;
        this.#type(event.key, event.timeStamp, all, at);
    }
    event.preventDefault();
  }

  #type(key, now, all, at) {
    this.#typed = now - this.#typedAt < 700 ? this.#typed + key.toLowerCase() : key.toLowerCase();
    this.#typedAt = now;
    const from = this.#typed.length === 1 ? at + 1 : at;
    const next = [...all.slice(from), ...all.slice(0, from)].find((i) => i.dataset.word?.startsWith(this.#typed));
    if (next) this.focus(next);
  }
}
