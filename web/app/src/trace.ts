/** Follows a graph model through its operations, to find the one at which it fails. */

/** An operation of the graph, or of a function that the graph calls: the body of a loop. */
export interface Operation {
  readonly op: string;
  readonly name: string;
  /** The name of the graph's operation that called the function; empty for the graph's own. */
  readonly within: string;
}

interface Graph {
  readonly nodes: Readonly<Record<string, { readonly name: string; readonly op: string; category: string }>>;
  readonly functions?: Readonly<Record<string, Graph>>;
}

/**
 * Has `started` called with each operation just before TensorFlow.js executes it. The model is a
 * GraphModel; the release's own types must not need TensorFlow.js' packages.
 */
export function follow(model: object, started: (operation: Operation) => void): void {
  const { graph } = (model as { executor: { graph: Graph } }).executor;
  let last = '';
  const hook = ({ nodes }: Graph, isFunction: boolean): void => {
    for (const node of Object.values(nodes)) {
      const { category, name, op } = node;
      // The executor reads the category first: it says which code executes the operation.
      Object.defineProperty(node, 'category', {
        get: () => {
          if (!isFunction) last = name;
          started({ op, name, within: isFunction ? last : '' });
          return category;
        },
      });
    }
  };
  hook(graph, false);
  for (const body of Object.values(graph.functions ?? {})) hook(body, true);
}
