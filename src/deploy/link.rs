//! Which app of a repository is meant, from a clone of it.

use crate::base::{Problem, nearest, plain};
use crate::config::AppLink;

/// The app that is meant; nothing: the repository has none, and none was named.
pub fn choose<'a>(
    apps: &'a [AppLink],
    name: Option<&str>,
    command: &str,
) -> Result<Option<&'a AppLink>, Problem> {
    match (name, apps) {
        (Some(name), apps) => match apps.iter().find(|app| app.name == name) {
            Some(app) => Ok(Some(app)),
            None => Err(unknown(apps, name)),
        },
        (None, []) => Ok(None),
        (None, [only]) => Ok(Some(only)),
        (None, [first, ..]) => Err(Problem::usage("which-app", "this repository has several apps")
            .because(format!("apps in .gsync.toml: {}", names(apps)))
            .hint(format!("name one: `gsync {command} --app {}`", plain(&first.name)))),
    }
}

fn unknown(apps: &[AppLink], name: &str) -> Problem {
    let problem = Problem::usage("no-app", format!("there is no app `{}` here", plain(name)));
    let problem = match apps {
        [] => problem.because("there is no [[app]] in .gsync.toml"),
        apps => problem.because(format!("apps in .gsync.toml: {}", names(apps))),
    };
    match nearest(name, apps.iter().map(|app| app.name.as_str())) {
        Some(near) => problem.hint(format!("say `--app {}` if that is what you mean", plain(near))),
        None => problem.hint("add it to .gsync.toml as `[[app]]` with its name and remote"),
    }
}

fn names(apps: &[AppLink]) -> String {
    plain(&apps.iter().map(|app| app.name.as_str()).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(name: &str) -> AppLink {
        AppLink { name: name.into(), remote: format!("to-{name}") }
    }

    #[test]
    fn the_only_app_is_meant_and_of_several_the_one_that_is_named() {
        let two = [app("shop"), app("cafe")];
        assert_eq!(choose(&[], None, "envs").unwrap(), None);
        assert_eq!(choose(&two[..1], None, "envs").unwrap(), Some(&two[0]));
        assert_eq!(choose(&two, Some("cafe"), "envs").unwrap(), Some(&two[1]));
        let problem = choose(&two, None, "envs").unwrap_err();
        assert_eq!((problem.exit, problem.code), (crate::base::Exit::Usage, "which-app"));
        assert!(problem.because[0].contains("shop, cafe"));
        let problem = choose(&two, Some("shpo"), "envs").unwrap_err();
        assert_eq!(problem.hints, ["say `--app shop` if that is what you mean"]);
    }
}
