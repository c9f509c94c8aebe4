//! The report of `gsync tidy`, for people.

use super::Style;
use crate::base::{Time, count, plain, shell_quote};
use crate::sync::tidy::{Drift, HubBranch, LocalBranch, Merged, Upstream};

/// One section for each kind of thing that piled up; nothing for those that did not.
pub fn tidy(drift: &Drift, style: Style) -> String {
    let now = drift.now;
    let known = drift.fetched_at.map_or_else(
        || format!("{} was never asked", drift.hub),
        |at| format!("{} as of {}", drift.hub, at.ago(now)),
    );
    let mut text = format!("{}\n", style.dim(&known));
    if drift.default_tip.is_none() {
        let default = plain(drift.default.short());
        text += &format!("{default} was never seen here, so nothing counts as merged\n");
    }
    let mut section = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            text += &format!("\n{}\n", style.title(title));
            for line in lines {
                text += &format!("  {line}\n");
            }
        }
    };
    let default = plain(drift.default.short());
    let local = |wanted: &dyn Fn(&LocalBranch) -> bool, tell: &dyn Fn(&LocalBranch) -> String| {
        drift.branches.iter().filter(|branch| wanted(branch)).map(tell).collect::<Vec<_>>()
    };
    let plainly = |branch: &LocalBranch| about(branch, now);
    section(
        &format!("merged into {default}"),
        local(&|branch| matches!(branch.merged, Merged::Yes | Merged::Even), &plainly),
    );
    section(
        &format!("probably merged into {default}, squashed or rebased (never deleted)"),
        local(&|branch| branch.merged == Merged::Probably, &plainly),
    );
    section(
        &format!("gone on {}", drift.hub),
        local(&|branch| branch.upstream == Upstream::Gone && branch.merged == Merged::No, &plainly),
    );
    section(
        "unpushed",
        local(&|branch| branch.unpushed > 0 && branch.merged == Merged::No, &|branch| {
            let name = plain(branch.name.short());
            format!("{name}: {}, {}", count(branch.unpushed, "commit"), branch.time.ago(now))
        }),
    );
    let on_hub = drift.hub_branches.iter().filter(|branch| branch.merged != Merged::No);
    section(
        &format!("merged on {}", drift.hub),
        on_hub
            .map(|branch| {
                let probably = match branch.merged {
                    Merged::Probably => ", probably",
                    Merged::Even => ", even",
                    _ if branch.protected => ", protected",
                    _ => "",
                };
                let name = plain(branch.name.short());
                format!("{name} ({}, {}{probably})", branch.author, branch.time.ago(now))
            })
            .collect(),
    );
    let stashes = drift.stashes.iter();
    section(
        "stashes",
        stashes
            .map(|stash| format!("{} {}: {}", stash.name, stash.time.ago(now), stash.summary))
            .collect(),
    );
    let expired = drift.expired.iter();
    let title = format!("ways back older than `[undo] keep`, of {}", drift.snapshots);
    section(
        &title,
        expired
            .map(|snapshot| format!("{} {}", snapshot.name, snapshot.made_at.ago(now)))
            .collect(),
    );
    section(
        "peers not seen for a week",
        drift
            .peers
            .iter()
            .map(|peer| {
                let id = plain(peer.id.as_str());
                let forget = shell_quote(&id);
                format!("{id}, {} (`gsync peers forget {forget}`)", peer.seen_at.ago(now))
            })
            .collect(),
    );
    if !drift.old_runs.is_empty() {
        let runs = count(drift.old_runs.len(), "old run");
        text += &format!("\n{runs} in the journal, which keeps them\n");
    }
    if drift.is_empty() {
        text += "nothing to tidy\n";
    } else {
        let goes = drift.branches.iter().any(LocalBranch::can_go)
            || drift.hub_branches.iter().any(HubBranch::can_go)
            || !drift.expired.is_empty();
        if goes {
            text += &format!(
                "\n{} delete what is safely merged or too old: `gsync tidy --apply`\n",
                style.hint("hint:")
            );
        }
    }
    text
}

/// A branch and why it stays, if it does.
fn about(branch: &LocalBranch, now: Time) -> String {
    let mut why = vec![branch.time.ago(now)];
    if let Some(worktree) = &branch.worktree {
        why.push(format!("in use in {}", plain(&worktree.to_string_lossy())));
    }
    if branch.protected {
        why.push("protected".to_owned());
    }
    if branch.merged == Merged::Even {
        why.push("even, perhaps only just begun".to_owned());
    }
    if branch.upstream == Upstream::Gone {
        why.push("gone on the hub".to_owned());
    }
    if branch.unpushed > 0 {
        why.push(format!("{} unpushed", count(branch.unpushed, "commit")));
    }
    format!("{} ({})", plain(branch.name.short()), why.join(", "))
}
