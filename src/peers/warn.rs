//! One line where work of two people meets.

use super::view::{Paths, View};
use crate::base::{PeerSeen, RepoPath, count};

/// How many paths a line names.
const NAMED: usize = 3;

/// What is said about paths that are committed here and changed elsewhere; nothing if none.
pub fn committing(view: &View, paths: &[RepoPath]) -> Option<String> {
    let paths = Paths::new(paths);
    let mut met: Vec<(&PeerSeen, Vec<RepoPath>)> = Vec::new();
    for peer in view.peers.iter().filter(|peer| !peer.gone) {
        let theirs = peer.dirty.iter().chain(&peer.unpushed);
        let mut both: Vec<RepoPath> = theirs.flat_map(|path| paths.meet(path)).collect();
        both.sort();
        both.dedup();
        if !both.is_empty() {
            met.push((peer, both));
        }
    }
    let (first, both) = met.first()?;
    let others = match met.len() - 1 {
        0 => String::new(),
        n => format!(" (and {} more)", count(n, "peer")),
    };
    Some(format!("{} is changing {} too{others}", first.id, listed(both)))
}

/// What is said at the start of work, a line for each.
pub fn starting(view: &View) -> Vec<String> {
    let meets = view.peers.iter().filter(|peer| !peer.overlaps.is_empty());
    meets.map(|peer| format!("{} is changing {} too", peer.id, listed(&peer.overlaps))).collect()
}

fn listed(paths: &[RepoPath]) -> String {
    let named: Vec<String> = paths.iter().take(NAMED).map(RepoPath::quoted).collect();
    let more = paths.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {}", count(more, "other path")) } else { String::new() };
    format!("{}{more}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::entry::tests::entry;
    use super::super::memory::{Known, Memory};
    use super::super::view::{Mine, view};
    use super::*;
    use crate::base::{CommitId, Time};

    #[test]
    fn a_line_names_who_changes_which_of_the_paths() {
        let known = |id: &str| {
            let entry = entry(id);
            let commit = CommitId::new("c".repeat(40));
            Known { id: entry.id.clone(), commit, met: entry.time, entry: Some(entry) }
        };
        let peers = vec![known("builder@server"), known("qc@laptop")];
        let memory = Memory { peers, ..Memory::default() };
        let view = view(&memory, &Mine::default(), Time(entry("x").time.0), 86400);
        let line = committing(&view, &["a".into(), "c".into()]).unwrap();
        assert_eq!(line, "builder@server is changing a too (and 1 peer more)");
        assert_eq!(committing(&view, &["c".into()]), None);
    }
}
