// What stands beside the nodes: what is degraded, who waits for what, and the policies.
import { age, badge, el, link, reason } from '/elements.js';
import { devicesOf } from '/nodes.js';

const WAITING = ['Waiting', 'Returning', 'Releasing'];
const MOST = 100; // cards in a list
const MOST_HOLDERS = 5;
const MOST_NAMES = 8; // of nodes on one card

/** Whether somebody has to look at a node. */
export const hasTrouble = (node) => Number(Boolean(node.problem || node.lack || node.counts.Blocked || node.counts.Unhealthy));

/** The first of them; the rest is folded. */
export function folded(cards, first) {
  if (cards.length <= first + 1) return cards;
  const rest = cards.slice(first, MOST);
  const lost = cards.length - first - rest.length;
  return [...cards.slice(0, first), el('li', { class: 'more' }, el('details', { 'data-key': 'more' },
    el('summary', {}, `and ${cards.length - first} more`),
    el('ul', { class: 'cards' }, rest, lost > 0 && el('li', { class: 'dim' }, `and ${lost} more, which the field above finds`))))];
}

function card(title, tag, message, ...more) {
  return el('li', { class: 'card' }, el('div', { class: 'title' }, title, tag), message && el('p', { class: 'message' }, message), ...more);
}

export function problemCards(nodes, policies, goTo) {
  const ofPolicies = policies.filter((p) => p.problem)
    .map((p) => card(el('span', { class: 'name' }, p.problem.object), reason(p.problem.reason), p.problem.message));
  const said = new Map(); // what is the same on many nodes is said once
  for (const node of nodes.filter((n) => n.lack || n.problem)) {
    const { reason: word, message } = node.problem ?? { message: node.lack };
    const alike = `${word}\n${message}`;
    if (!said.has(alike)) said.set(alike, { word, message, names: [] });
    said.get(alike).names.push(node.node);
  }
  const ofNodes = [...said.values()].map(({ word, message, names }) => card(
    el('span', { class: 'names' }, names.slice(0, MOST_NAMES).map((n) => link(n, () => goTo(n))),
      names.length > MOST_NAMES && el('span', { class: 'dim' }, `and ${names.length - MOST_NAMES} more nodes`)),
    reason(word), message));
  return [...ofPolicies, ...ofNodes];
}

export function waitingCards(nodes, policies, pods, goTo) {
  const devices = nodes.flatMap((n) => devicesOf(n).filter((d) => WAITING.includes(d.state)).map((d) =>
    card(link(`${d.node} ${d.id}`, () => goTo(d.node, d.id)), badge(d.state), d.message)));
  const releasing = policies.flatMap((p) => p.releasing.map((r) =>
    card(el('span', {}, `${p.policy} on `, link(r.node, () => goTo(r.node))), badge('Releasing'), r.message)));
  return [...pods.map((p) => podCard(p, goTo)), ...devices, ...releasing];
}

function podCard(pod, goTo) {
  const wants = pod.wants.map((w) => el('li', {},
    el('span', { class: 'resource' }, `${w.asked} × ${w.resource}`),
    w.holders.slice(0, MOST_HOLDERS).map((h) => el('div', { class: 'holder' },
      badge(h.state), ' ', link(`${h.node} ${h.id}`, () => goTo(h.node, h.id)), ' ', holder(h))),
    w.obstacles.slice(0, MOST_HOLDERS).map((o) => el('div', { class: 'holder' }, reason(o.reason), ` ${o.where}: ${o.message}`))));
  const details = el('details', { 'data-key': pod.pod }, el('summary', {}, 'who has it, and what is in the way'), el('ul', {}, wants));
  return card(el('span', { class: 'name' }, pod.pod), reason(pod.phase), pod.verdict,
    pod.said.map((s) => el('p', { class: 'said' }, s)), wants.length > 0 && details);
}

/** Who has a device. */
export function holder(device) {
  if (!device.pod) return null;
  return el('span', { class: 'pod' },
    device.virtualMachine && el('b', {}, `VM ${device.virtualMachine}`), device.virtualMachine && ' ',
    `${device.namespace ?? ''}/${device.pod}`, device.since && el('time', { datetime: device.since, title: device.since }, ` ${age(device.since)}`));
}

export function policyCard(policy) {
  const isReady = policy.ready === 'True';
  return card(
    el('span', { class: 'name' }, policy.policy),
    reason(policy.reason),
    isReady ? null : policy.message,
    policy.resources.length > 0 && el('p', { class: 'resource' }, policy.resources.join(', ')),
    policy.devices && el('p', { class: 'numbers' },
      `${policy.devices.ready} of ${policy.devices.matched} devices ready, ${policy.devices.allocated} allocated, ${policy.devices.blocked} blocked`,
      policy.nodes ? `; ${policy.nodes.ready} of ${policy.nodes.matched} nodes ready` : ''),
  );
}
