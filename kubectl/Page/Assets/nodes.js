// Nodes, IOMMU groups and devices as items of a tree.
import { badge, el, reason } from '/elements.js';
import { holder } from '/cards.js';

const ORDER = ['Blocked', 'Unhealthy', 'Waiting', 'Returning', 'Releasing', 'Cordoned', 'Allocated', 'Free', 'Held', 'Host'];

/** All devices of a node, whatever hangs on what. */
export function devicesOf(node) {
  const all = [];
  const walk = (branch) => {
    if (branch.device) all.push(branch.device);
    branch.children.forEach(walk);
  };
  node.branches.forEach(walk);
  return all;
}

/** By state, how many. Each device is given the text by which it is found, too. */
export function countsOf(node) {
  const counts = {};
  for (const device of devicesOf(node)) {
    counts[device.state] = (counts[device.state] ?? 0) + 1;
    device.text = [device.id, device.name, device.ids, device.driver, device.resource, device.reason, device.message, device.serial, device.state,
      device.pod && `${device.namespace}/${device.pod}`, device.virtualMachine].filter(Boolean).join('\n').toLowerCase();
  }
  return counts;
}

/** What of the node itself is looked for. */
export const textOf = (node) => [node.problem?.reason, node.problem?.message, node.lack].filter(Boolean).join('\n').toLowerCase();

/** The branches in which something is wanted; all of them where wanted is null. */
export function branchesOf(node, wanted) {
  if (!wanted) return node.branches;
  const keep = (branch) => {
    const children = branch.children.map(keep).filter(Boolean);
    if (branch.device && wanted(branch.device)) return branch.children.length === children.length ? branch : { ...branch, children };
    return children.length > 0 ? { ...branch, children } : null;
  };
  return node.branches.map(keep).filter(Boolean);
}

function bar(counts) {
  const it = el('span', { class: 'bar', 'aria-hidden': 'true' });
  for (const state of ORDER.filter((s) => counts[s])) {
    const part = el('span', { 'data-state': state, title: `${counts[state]} ${state}` });
    part.style.flexGrow = String(counts[state]);
    it.append(part);
  }
  return it;
}

const SAID = ORDER.filter((s) => s !== 'Host' && s !== 'Held');

function countWords(counts) {
  return SAID.filter((s) => counts[s]).map((s) => el('span', { class: 'number', 'data-state': s },
    el('span', { class: 'mark', 'aria-hidden': 'true' }), `${counts[s]} ${s.toLowerCase()}`));
}

export function nodeItem(node, key, match, isOpen, isDeviceOpen) {
  const numbers = countWords(node.counts);
  const resources = node.resources.filter((r) => r.capacity > 0 || r.problem).map((r) => el('span',
    { class: r.registered ? 'share' : 'share off', title: r.problem ?? null }, r.resource, el('b', {}, ` ${r.free} of ${r.capacity}`), ' free'));
  const said = node.lack ?? (node.problem && `${node.problem.reason}: ${node.problem.message}`);
  const canOpen = match.branches.length > 0 || node.policies.length > 0;
  const row = el('div', { class: 'row' },
    el('span', { class: 'twisty', 'aria-hidden': 'true' }),
    el('span', { class: 'name' }, node.node),
    bar(node.counts),
    el('span', { class: 'numbers' }, numbers.length > 0 ? numbers : el('span', { class: 'dim' }, 'nothing offered')),
    el('span', { class: 'shares' }, resources),
    said && !isOpen && el('span', { class: 'said' }, said));
  const children = isOpen && canOpen && [
    about(node),
    el('ul', { role: 'group' }, match.branches.flatMap((b) => branchItems(b, key, 2, isDeviceOpen))),
  ];
  return el('li', {
    role: 'treeitem', 'aria-level': 1, 'aria-expanded': canOpen ? String(isOpen) : null, tabindex: -1, class: 'node',
    'aria-label': [node.node, ...SAID.filter((s) => node.counts[s]).map((s) => `${node.counts[s]} ${s}`), said].filter(Boolean).join(', '),
    'data-key': key, 'data-word': node.node.toLowerCase(),
  }, row, children);
}

/** What is said of the node as a whole, where it is open. */
function about(node) {
  const host = [node.kernel && `Linux ${node.kernel}`, node.iommu === false ? 'no IOMMU' : node.iommu && 'IOMMU on',
    node.interruptRemapping === 'No' && 'no interrupt remapping', node.truncated && 'the report is cut, because it is too long'].filter(Boolean);
  const policy = (p) => el('p', { class: 'policy' }, el('span', { class: 'name' }, p.policy), ' ', reason(p.reason), ' ',
    el('span', { class: 'dim' }, p.message));
  const idle = node.policies.filter((p) => p.reason === 'NoMatch');
  return el('div', { class: 'about' }, node.lack && el('p', { class: 'said' }, node.lack), host.length > 0 && el('p', { class: 'dim' }, host.join(' · ')),
    node.policies.filter((p) => p.reason !== 'NoMatch').map(policy),
    idle.length > 0 && el('details', { 'data-key': `${node.node}\nidle` },
      el('summary', {}, idle.length === 1 ? '1 policy matches nothing here' : `${idle.length} policies match nothing here`), idle.map(policy)),
    node.hostProblems.map((p) => el('p', { class: 'said' }, p)),
    node.resources.filter((r) => r.problem).map((r) => el('p', { class: 'said' }, `${r.resource}: ${r.problem}`)));
}

/** A group of one is told with its device. */
function branchItems(branch, key, level, isOpen) {
  if (branch.device) return [deviceItem(branch, key, level, isOpen)];
  if (level === 2 && branch.children.length === 1 && branch.children[0].device) return [deviceItem(branch.children[0], key, level, isOpen)];
  return [el('li', {
    role: 'treeitem', 'aria-level': level, tabindex: -1, class: 'group', 'aria-label': branch.label,
    'aria-expanded': branch.children.length > 0 ? 'true' : null, 'data-key': `${key}\n${branch.label}`, 'data-word': branch.label.toLowerCase(),
  }, el('div', { class: 'row fixed' }, branch.label),
  branch.children.length > 0 && el('ul', { role: 'group' }, branch.children.flatMap((c) => branchItems(c, key, level + 1, isOpen))))];
}

function deviceItem(branch, key, level, isOpen) {
  const { device, findings, children } = branch;
  const own = `${key}\n${device.id}`;
  const opened = isOpen(own);
  const isTrouble = device.reason || (device.message && !['Host', 'Free', 'Held'].includes(device.state));
  const row = el('div', { class: 'row' },
    badge(device.state),
    el('span', { class: 'id' }, device.id),
    el('span', { class: 'what' }, device.name ?? device.ids ?? device.class, device.driver && el('span', { class: 'dim' }, ` ${device.driver}`)),
    el('span', { class: 'resource' }, device.resource),
    el('span', { class: 'whom' }, holder(device)),
    el('span', { class: 'where dim' }, device.iommuGroup !== undefined && `group ${device.iommuGroup}`),
    el('span', { class: 'where dim' }, device.numaNode !== undefined && device.numaNode >= 0 && `numa ${device.numaNode}`),
    isTrouble && el('span', { class: 'said' }, reason(device.reason), ' ', device.message));
  return el('li', {
    role: 'treeitem', 'aria-level': level, 'aria-expanded': String(opened), tabindex: -1, class: 'device', 'data-state': device.state,
    'aria-label': [device.id, device.name, device.state, device.reason, device.resource, device.pod && `pod ${device.namespace}/${device.pod}`,
      device.virtualMachine && `VM ${device.virtualMachine}`].filter(Boolean).join(', '),
    'data-key': own, 'data-word': device.id.toLowerCase(),
  }, row, opened && detail(device, findings),
  children.length > 0 && el('ul', { role: 'group' }, children.flatMap((c) => branchItems(c, key, level + 1, isOpen))));
}

function detail(device, findings) {
  const facts = [['Class', device.class], ['Name', device.name], ['IDs', device.ids], ['Driver', device.driver ?? 'none'], ['Serial', device.serial],
    ['Parent', device.parent], ['NUMA node', device.numaNode], ['IOMMU group', device.iommuGroup], ['Resource', device.resource],
    ['Pod', device.pod && `${device.namespace}/${device.pod}`], ['VM', device.virtualMachine], ['Since', device.since?.replace('+00:00', 'Z')]]
    .filter(([, value]) => value !== undefined && value !== null && value !== '');
  return el('div', { class: 'detail' },
    el('dl', {}, facts.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, String(value))))),
    device.message && findings.every((f) => f.message !== device.message) && el('p', { class: 'message' }, device.message),
    findings.map(finding),
    el('p', { class: 'dim' }, el('code', {}, `kubectl hostdev explain ${device.node} ${device.id}`)));
}

function finding(it) {
  const lines = [['Cause', it.cause], ['Remedy', it.remedy], ['Ends', it.ends]].filter(([, text]) => text);
  return el('div', { class: 'finding' },
    el('p', {}, el('b', {}, it.policy ?? (it.state === 'Releasing' ? 'Given back' : 'Cordon')), ` ${it.state} `, reason(it.reason)),
    el('p', { class: 'message' }, it.message),
    lines.map(([name, text]) => el('p', { class: 'line' }, el('span', { class: 'dim' }, `${name} `), text)));
}
