//! The dependency graph, and its cycles.

use std::collections::{BTreeMap, BTreeSet};

/// For each file or module, the ones that it uses.
pub type Graph = BTreeMap<String, BTreeSet<String>>;

/// The cycles of a graph: its strongly connected components.
pub fn circles(graph: &Graph) -> Vec<Vec<String>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> = graph
        .keys()
        .map(|start| (start.as_str(), reachable(graph, start)))
        .collect();
    let mut circles: Vec<Vec<String>> = Vec::new();
    for (start, forward) in &reached {
        let members: Vec<String> = forward
            .iter()
            .filter(|other| reached.get(*other).is_some_and(|back| back.contains(start)))
            .map(|member| (*member).to_owned())
            .collect();
        // A cycle is reported under its smallest member, so that each is listed once.
        if members.first().is_some_and(|first| first == start) {
            circles.push(members);
        }
    }
    circles
}

/// Everything that `start` uses, directly or indirectly; itself only if it is in a cycle.
fn reachable<'a>(graph: &'a Graph, start: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = vec![start];
    while let Some(node) = open.pop() {
        for next in graph.get(node).into_iter().flatten() {
            if found.insert(next.as_str()) {
                open.push(next);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Graph, circles};

    #[test]
    fn circles_are_found_and_named_once() {
        let edges = [("a", "b"), ("b", "c"), ("c", "b"), ("c", "d"), ("e", "a")];
        let mut graph = Graph::new();
        for (from, to) in edges {
            graph.entry(from.to_owned()).or_default().insert(to.to_owned());
        }
        assert_eq!(circles(&graph), [["b", "c"]]);
    }
}
