//! The other clones, for people.

use super::Style;
use super::status::cut;
use crate::base::{Meeting, PeerSeen, Presence, RepoPath, Time, count, plain};
use crate::peers::view::View;

/// How many paths are named in a line.
const NAMED: usize = 4;
/// How many commits of somebody are told one by one.
const COMMITS: usize = 3;

/// The page of `gsync peers`.
pub fn peers(view: &View, now: Time, style: Style, width: usize) -> String {
    let mut text = String::new();
    if view.peers.is_empty() {
        text += "no other clone has told what it is doing\n";
    }
    for line in rows(&view.peers, now, style, width) {
        text += &format!("{line}\n");
    }
    if view.unreadable > 0 {
        let (n, makes) = (view.unreadable, if view.unreadable == 1 { "makes" } else { "make" });
        let entries = if n == 1 { "entry" } else { "entries" };
        text += &style.dim(&format!("{n} {entries} on the hub {makes} no sense\n"));
    }
    text
}

/// A few lines for each.
pub fn rows(peers: &[PeerSeen], now: Time, style: Style, width: usize) -> Vec<String> {
    let column =
        peers.iter().map(|peer| peer.id.as_str().chars().count()).max().unwrap_or(0).min(30);
    let mut rows = Vec::new();
    for peer in peers {
        let id = format!("{:column$}", plain(peer.id.as_str()));
        let told = cut(&about(peer, now), width.saturating_sub(column + 4).max(20));
        if peer.gone {
            rows.push(style.dim(&format!("  {id}  {told}")));
            continue;
        }
        rows.push(format!("  {}  {told}", style.id(&id)));
        for commit in peer.outgoing.iter().take(COMMITS) {
            let line = format!("{}  {}", commit.id.short(), plain(&commit.summary));
            rows.push(format!(
                "    {} {}",
                style.dim("not pushed:"),
                cut(&line, width.saturating_sub(16))
            ));
        }
        let changes = listed(&peer.dirty, peer.more);
        if !changes.is_empty() {
            rows.push(format!(
                "    {} {}",
                style.dim("changing:"),
                cut(&changes, width.saturating_sub(14))
            ));
        }
        if !peer.overlaps.is_empty() {
            let both = listed(&peer.overlaps, 0);
            rows.push(format!("    {} {both}", style.warning("you change too:")));
        }
        rows.extend(meeting("your work and theirs", peer.with_mine.as_ref(), style));
        rows.extend(meeting("pulling once theirs is in", peer.with_upstream.as_ref(), style));
    }
    rows
}

fn about(peer: &PeerSeen, now: Time) -> String {
    let at = || peer.head.as_ref().map(|head| head.short().to_owned());
    let branch = peer.branch.as_ref().map(|branch| plain(branch.as_str())).or_else(at);
    let mut words = vec![branch.unwrap_or_else(|| "nowhere".to_owned())];
    words.extend((peer.ahead > 0).then(|| format!("{} ahead", peer.ahead)));
    words.extend((peer.behind > 0).then(|| format!("{} behind", peer.behind)));
    let ago = peer.seen_at.ago(now);
    words.push(match (peer.gone, peer.state) {
        (true, _) => format!("gone, last seen {ago}"),
        (_, Presence::Working) => format!("at work, seen {ago}"),
        (_, Presence::Idle) => format!("idle, seen {ago}"),
    });
    if peer.clock_ahead > 0 {
        let skew = Time(0).ago(Time(peer.clock_ahead));
        words.push(format!("its clock is {} ahead", skew.trim_end_matches(" ago")));
    }
    words.join(", ")
}

fn meeting(what: &str, meeting: Option<&Meeting>, style: Style) -> Option<String> {
    let meeting = meeting?;
    Some(match meeting.result {
        "conflict" => {
            let paths = listed(&meeting.paths, 0);
            format!("    {} {paths}", style.warning(&format!("{what} would conflict:")))
        }
        "clean" => format!("    {}", style.dim(&format!("{what} would merge cleanly"))),
        _ => format!("    {}", style.dim(&format!("{what}: not known what would conflict"))),
    })
}

fn listed(paths: &[RepoPath], more: usize) -> String {
    let mut named: Vec<String> = paths.iter().take(NAMED).map(RepoPath::quoted).collect();
    let more = more + paths.len().saturating_sub(NAMED);
    if more > 0 {
        named.push(format!("and {}", count(more, "more path")));
    }
    named.join(", ")
}
