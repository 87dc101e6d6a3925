/** The tree of a chat: paths and siblings. `nodes` is a Map from id to node, in the order of their creation. */

/** Return the nodes from the root to `tip`. */
export function pathTo(nodes, tip) {
  const path = [];
  for (let node = nodes.get(tip); node && path.length <= nodes.size; node = nodes.get(node.parent)) path.push(node);
  return path.reverse();
}

export function childrenOf(nodes, parent) {
  return [...nodes.values()].filter((node) => (node.parent ?? null) === (parent ?? null));
}

/** Return the newest leaf below a node. */
export function leafBelow(nodes, id) {
  const newest = new Map(); // child of each node
  for (const node of nodes.values()) newest.set(node.parent, node.id);
  let leaf = id;
  for (let seen = 0; newest.has(leaf) && seen <= nodes.size; seen++) leaf = newest.get(leaf);
  return leaf;
}

/**
 * Group a path into items: a user's message alone, a reply with all its steps and tool results together.
 * Each item is {key, user: bool, nodes}.
 */
export function itemsOf(path, keyOf) {
  const items = [];
  for (const node of path) {
    const user = node.role === "user";
    const last = items.at(-1);
    if (last && !user && !last.user) last.nodes.push(node);
    else items.push({ key: keyOf(node), user, nodes: [node] });
  }
  return items;
}
