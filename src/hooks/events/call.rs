//! What git calls a hook with, as types. Whatever git would not write is refused: a line that
//! is not understood must never pass unjudged.

use std::ffi::OsString;

use crate::base::{CommitId, Hook, Problem, RefName, RefUpdate, plain};

/// One call of a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    PreCommit,
    PostCommit,
    /// `remote` is the name of the remote, or its URL where git was given one.
    PrePush {
        remote: String,
        url: String,
        updates: Vec<RefUpdate>,
    },
    PostMerge {
        squash: bool,
    },
    /// `how` is `rebase` or `amend`.
    PostRewrite {
        how: String,
        pairs: Vec<(CommitId, CommitId)>,
    },
    /// `branch`: HEAD moved; else only files were checked out.
    PostCheckout {
        old: Option<CommitId>,
        new: Option<CommitId>,
        branch: bool,
    },
    PreReceive {
        updates: Vec<RefUpdate>,
    },
    PostReceive {
        updates: Vec<RefUpdate>,
    },
}

impl Call {
    /// Reads the arguments and the input of a hook.
    pub fn parse(hook: Hook, args: &[OsString], stdin: &[u8]) -> Result<Self, Problem> {
        // An address may be any bytes; it is only shown and compared with names, which it
        // cannot equal once a byte was replaced.
        let word = |at: usize| args.get(at).map(|arg| arg.to_string_lossy().into_owned());
        let needs = |at: usize| word(at).ok_or_else(|| too_few(hook));
        Ok(match hook {
            Hook::PreCommit => Self::PreCommit,
            Hook::PostCommit => Self::PostCommit,
            Hook::PrePush => Self::PrePush {
                remote: needs(0)?,
                url: needs(1)?,
                updates: lines(hook, stdin, pushed)?,
            },
            Hook::PostMerge => Self::PostMerge { squash: needs(0)? == "1" },
            Hook::PostRewrite => {
                Self::PostRewrite { how: needs(0)?, pairs: lines(hook, stdin, rewritten)? }
            }
            Hook::PostCheckout => {
                let id = |at| {
                    let text = needs(at)?;
                    let id = CommitId::parse(&text).ok_or_else(|| strange(hook, &text))?;
                    Ok::<_, Problem>(Some(id).filter(|id| !id.is_zero()))
                };
                Self::PostCheckout { old: id(0)?, new: id(1)?, branch: needs(2)? == "1" }
            }
            Hook::PreReceive => Self::PreReceive { updates: lines(hook, stdin, received)? },
            Hook::PostReceive => Self::PostReceive { updates: lines(hook, stdin, received)? },
            // A conversation, and not lines: it never comes here.
            Hook::ProcReceive => return Err(strange(hook, "a conversation")),
        })
    }
}

/// Every line of the input. A last line that lost its newline is still a whole line if it
/// reads like one.
fn lines<T>(hook: Hook, stdin: &[u8], read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, Problem> {
    let body = stdin.strip_suffix(b"\n").unwrap_or(stdin);
    if body.is_empty() && stdin.is_empty() {
        return Ok(Vec::new());
    }
    body.split(|byte| *byte == b'\n')
        .map(|line| {
            let text = std::str::from_utf8(line).map_err(|_| {
                let shown = crate::base::RepoPath::new(line);
                Problem::refuse(
                    "not-utf8",
                    format!("{hook} got the name of a ref that is not UTF-8: {shown}"),
                )
                .because("gsync cannot judge it, so it does not pass")
                .hint("rename it: `git branch -m OLD NEW`")
            })?;
            read(text).ok_or_else(|| strange(hook, text))
        })
        .collect()
}

/// `<local ref> <local id> <remote ref> <remote id>`. The local ref is what the pusher typed
/// and may hold spaces, such as `HEAD^{/two words}`; the rest cannot.
fn pushed(line: &str) -> Option<RefUpdate> {
    let mut words = line.rsplitn(4, ' ');
    let (old, name, new) = (words.next()?, words.next()?, words.next()?);
    update(old, new, name, words.next()?)
}

/// `<old id> <new id> <ref>`
fn received(line: &str) -> Option<RefUpdate> {
    let mut words = line.splitn(3, ' ');
    let (old, new, name) = (words.next()?, words.next()?, words.next()?);
    update(old, new, name, "")
}

fn update(old: &str, new: &str, name: &str, source: &str) -> Option<RefUpdate> {
    let known = |text: &str| CommitId::parse(text).map(|id| Some(id).filter(|id| !id.is_zero()));
    // A line that was cut off inside of an id of 64 letters may leave 40.
    if old.len() != new.len() || !is_ref(name) {
        return None;
    }
    Some(RefUpdate {
        name: RefName::new(name),
        old: known(old)?,
        new: known(new)?,
        source: source.to_owned(),
    })
}

fn is_ref(name: &str) -> bool {
    name.starts_with("refs/")
        && name.len() > 5
        && !name.contains(|c: char| c.is_control() || c == ' ')
}

/// `<old id> <new id>`, and more that git may add one day.
fn rewritten(line: &str) -> Option<(CommitId, CommitId)> {
    let mut words = line.split(' ');
    Some((CommitId::parse(words.next()?)?, CommitId::parse(words.next()?)?))
}

fn too_few(hook: Hook) -> Problem {
    Problem::usage("usage", format!("{hook} was called with too few arguments"))
        .because("git gives them; by hand this hook cannot be called without them")
}

fn strange(hook: Hook, text: &str) -> Problem {
    let shown: String = plain(text).chars().take(120).collect();
    Problem::refuse("malformed", format!("{hook} got something that git does not write: `{shown}`"))
        .because("gsync cannot judge it, so it does not pass")
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "1111111111111111111111111111111111111111";
    const B: &str = "2222222222222222222222222222222222222222";
    const ZERO: &str = "0000000000000000000000000000000000000000";

    fn push(stdin: &str) -> Result<Vec<RefUpdate>, Problem> {
        let args = ["origin".into(), "../hub.git".into()];
        match Call::parse(Hook::PrePush, &args, stdin.as_bytes())? {
            Call::PrePush { updates, .. } => Ok(updates),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_line_of_a_push_is_an_update() {
        let updates = push(&format!(
            "refs/heads/main {A} refs/heads/main {B}\n\
             (delete) {ZERO} refs/heads/old {A}\n\
             HEAD^{{/two words}} {A} refs/heads/new {ZERO}\n"
        ))
        .unwrap();
        assert_eq!(updates.len(), 3);
        assert_eq!(updates[0].old, CommitId::parse(B));
        assert_eq!((&updates[1].new, updates[1].source.as_str()), (&None, "(delete)"));
        assert_eq!(updates[2].source, "HEAD^{/two words}");
        assert_eq!((&updates[2].old, &updates[2].new), (&None, &CommitId::parse(A)));
    }

    #[test]
    fn ids_of_64_letters_are_ids_and_zeros_of_64_are_none() {
        let (long, zero) = ("a".repeat(64), "0".repeat(64));
        let updates = push(&format!("x {long} refs/heads/x {zero}\n")).unwrap();
        assert_eq!((&updates[0].old, &updates[0].new), (&None, &CommitId::parse(&long)));
    }

    #[test]
    fn nothing_on_the_input_is_nothing_to_judge() {
        assert_eq!(push("").unwrap(), []);
    }

    #[test]
    fn ten_thousand_lines_are_ten_thousand_updates() {
        let all: String = (0..10_000).map(|n| format!("x {A} refs/heads/b{n} {ZERO}\n")).collect();
        assert_eq!(push(&all).unwrap().len(), 10_000);
    }

    #[test]
    fn a_line_that_git_does_not_write_is_refused_wherever_it_stands() {
        let good = format!("x {A} refs/heads/x {ZERO}\n");
        for bad in [
            "\n",
            "hello\n",
            &format!("x {A} refs/heads/x\n"),
            &format!("x {A} refs/heads/x {}\n", &ZERO[1..]),
            &format!("x {A} main {ZERO}\n"),
            &format!("x {A} refs/heads/a\u{7} {ZERO}\n"),
            &format!("x {} refs/heads/x {}\n", "a".repeat(64), "0".repeat(40)),
            &format!("x {A} refs/heads/x {ZERO} \n"),
        ] {
            assert_eq!(push(bad).unwrap_err().exit, crate::base::Exit::Refused, "{bad:?}");
            assert!(push(&format!("{good}{bad}")).is_err(), "{bad:?}");
            assert!(push(&format!("{bad}{good}")).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_line_that_is_cut_off_anywhere_is_refused_and_only_the_newline_may_be_missing() {
        let whole = format!("refs/heads/x {A} refs/heads/x {B}");
        assert_eq!(push(&whole).unwrap().len(), 1);
        for end in 1..whole.len() {
            assert!(push(&whole[..end]).is_err(), "{}", &whole[..end]);
        }
    }

    #[test]
    fn a_ref_name_that_is_not_text_is_refused_and_shown_safely() {
        let args = ["origin".into(), "url".into()];
        let mut line = format!("x {A} refs/heads/").into_bytes();
        line.extend(b"\xff\x1b");
        line.extend(format!(" {ZERO}\n").as_bytes());
        let problem = Call::parse(Hook::PrePush, &args, &line).unwrap_err();
        assert!(problem.message.contains("\\377\\033"), "{}", problem.message);
    }

    #[test]
    fn the_server_gets_old_new_and_name() {
        let line = format!("{ZERO} {A} refs/heads/main\n");
        let call = Call::parse(Hook::PreReceive, &[], line.as_bytes()).unwrap();
        let Call::PreReceive { updates } = call else { panic!("{call:?}") };
        assert_eq!((&updates[0].old, &updates[0].new), (&None, &CommitId::parse(A)));
    }

    #[test]
    fn a_checkout_tells_a_branch_from_files_and_a_clone_has_no_old_commit() {
        let call =
            |words: [&str; 3]| Call::parse(Hook::PostCheckout, &words.map(OsString::from), b"");
        let none = Call::PostCheckout { old: None, new: CommitId::parse(A), branch: true };
        assert_eq!(call([ZERO, A, "1"]).unwrap(), none);
        assert!(matches!(call([A, A, "0"]).unwrap(), Call::PostCheckout { branch: false, .. }));
        assert!(call(["x", A, "0"]).is_err());
        assert!(Call::parse(Hook::PostCheckout, &[], b"").is_err());
    }

    #[test]
    fn rewritten_commits_come_in_pairs() {
        let line = format!("{A} {B} something new\n");
        let call = Call::parse(Hook::PostRewrite, &["rebase".into()], line.as_bytes()).unwrap();
        let pairs = vec![(CommitId::parse(A).unwrap(), CommitId::parse(B).unwrap())];
        assert_eq!(call, Call::PostRewrite { how: "rebase".into(), pairs });
    }
}
