//! A small unified diff, for `--dry-run`: our changes are few and near each other.

use crate::base::plain;

/// How many lines around a change are shown.
const AROUND: usize = 2;

/// What changes, a line each; one change that spans all that differs.
pub fn diff(path: &str, before: Option<&str>, after: Option<&str>) -> Vec<String> {
    let old: Vec<&str> = before.unwrap_or_default().lines().collect();
    let new: Vec<&str> = after.unwrap_or_default().lines().collect();
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - same;
    let tail =
        old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let name = |there: bool| if there { path } else { "/dev/null" };
    let from = same.saturating_sub(AROUND);
    let (old_end, new_end) = (old.len() - tail, new.len() - tail);
    let context = tail.min(AROUND);
    let mut lines = vec![
        format!("--- {}", name(before.is_some())),
        format!("+++ {}", name(after.is_some())),
        format!(
            "@@ -{},{} +{},{} @@",
            from + usize::from(!old.is_empty()),
            old_end + context - from,
            from + usize::from(!new.is_empty()),
            new_end + context - from
        ),
    ];
    lines.extend(old[from..same].iter().map(|line| format!(" {}", plain(line))));
    lines.extend(old[same..old_end].iter().map(|line| format!("-{}", plain(line))));
    lines.extend(new[same..new_end].iter().map(|line| format!("+{}", plain(line))));
    lines.extend(new[new_end..new_end + context].iter().map(|line| format!(" {}", plain(line))));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_shows_what_changes_with_a_little_around_it() {
        let diff = diff("x", Some("1\n2\n3\n4\n5\n"), Some("1\n2\n3\nnew\n4\n5\n"));
        assert_eq!(diff, ["--- x", "+++ x", "@@ -2,4 +2,5 @@", " 2", " 3", "+new", " 4", " 5"]);
    }

    #[test]
    fn a_file_that_comes_or_goes_is_shown_whole() {
        assert_eq!(
            diff("x", None, Some("1\n"))[..3],
            ["--- /dev/null", "+++ x", "@@ -0,0 +1,1 @@"]
        );
        assert_eq!(diff("x", Some("1\n"), None)[1..], ["+++ /dev/null", "@@ -1,1 +0,0 @@", "-1"]);
    }
}
