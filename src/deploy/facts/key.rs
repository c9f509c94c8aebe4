//! Whose key it was: where sshd says which one let somebody in (`ExposeAuthInfo yes`), its comment
//! in `authorized_keys` is who they are. So people are told apart who share one account.

use std::path::Path;

use crate::base::plain;
use crate::host::{env, read};

/// The comment of the key that this session was let in with.
pub(super) fn comment() -> Option<String> {
    let text = |path: &Path| read::text(path).ok().flatten();
    let shown = text(Path::new(&env::text("SSH_USER_AUTH")?))?;
    let dir = env::home()?.join(".ssh");
    let mut lists =
        ["authorized_keys", "authorized_keys2"].iter().filter_map(|name| text(&dir.join(name)));
    lists.find_map(|list| comment_in(&shown, &list))
}

/// By what sshd shows (a line for each proof) and a list of keys.
fn comment_in(shown: &str, list: &str) -> Option<String> {
    let mut proofs = shown.lines().filter_map(|line| line.strip_prefix("publickey "));
    let (kind, key) = proofs.next()?.trim().split_once(' ')?;
    let lines = list.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.into_iter().find_map(|line| {
        // There may be options in front, with anything in them.
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.windows(2).position(|pair| pair == [kind, key])?;
        let comment = words[at + 2..].join(" ");
        (!comment.is_empty()).then(|| plain(&comment))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_all_of_it_and_named_by_what_stands_behind_it() {
        let list = "# ssh-ed25519 AAAA nobody\nssh-ed25519 AAAAB bob\n\
                    command=\"x y\",no-pty ssh-ed25519 AAAA eva  of the shop\nssh-rsa AAAA rob\n\
                    ssh-rsa CCCC\n";
        let who = |shown: &str| comment_in(shown, list);
        assert_eq!(who("publickey ssh-ed25519 AAAA\n").as_deref(), Some("eva of the shop"));
        assert_eq!(who("publickey ssh-rsa AAAA").as_deref(), Some("rob"));
        for unknown in ["", "password", "publickey ssh-ed25519 AAA", "publickey ssh-rsa CCCC"] {
            assert_eq!(who(unknown), None, "{unknown}");
        }
    }
}
