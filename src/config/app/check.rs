//! What types cannot say about an `app.toml`: names, values that would mean something to a shell,
//! a socket or a path, and environments that are one.

use super::{App, Process};
use crate::config::schema::is_ref_part;

/// Whether this can be the name of an app or an environment: part of paths, of ref names and of
/// commands on sockets.
pub fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_lowercase())
        && name.len() <= 31
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c))
}

type Wrong = (String, String);

pub(super) fn app(app: &App) -> Result<(), Wrong> {
    let wrong = |place: &str, why: String| Err((place.to_owned(), why));
    for name in std::iter::once(&app.name).chain(app.env.keys()) {
        if !is_name(name) {
            let why = format!(
                "`{}` cannot be a name: small letters, digits, `-` and `_`, a letter first, at most 31",
                crate::base::plain(name)
            );
            let shown = name.split(char::is_control).next().unwrap_or_default();
            return wrong(shown, why);
        }
    }
    if !is_ref_part(&app.branch) {
        return wrong("branch", "this cannot be the name of a branch".into());
    }
    if app.env.len() != 2 {
        let why = format!("there are {} environments: an app has exactly two", app.env.len());
        return wrong("[env", why);
    }
    if app.keep == 0 {
        return wrong("keep", "`keep` must be at least 1".into());
    }
    for path in &app.shared {
        let body = path.trim_end_matches('/');
        if !is_inner(body) {
            let why = format!("`{}` is not a path inside of a release", crate::base::plain(path));
            return wrong(path, why);
        }
    }
    processes(&app.process)?;
    for step in &app.step {
        if step.name.is_empty() || step.name.contains(char::is_control) {
            return wrong("name", "a step needs a name of one line".into());
        }
        if step.run.trim().is_empty() || step.run.contains('\0') {
            return wrong(&step.name, format!("the step `{}` runs nothing", step.name));
        }
    }
    if app.traffic.haproxy.is_some() && app.traffic.link.is_some() {
        return wrong("link", "traffic is led by haproxy or by a link, not by both".into());
    }
    if let Some(link) = &app.traffic.link
        && (!is_inner(link) || link.contains('/') || app.env.contains_key(link))
    {
        return wrong(link, "`link` is a name in the app home, and of no environment".into());
    }
    if let Some(haproxy) = &app.traffic.haproxy {
        let values = [&haproxy.master, &haproxy.map, &haproxy.backend, &haproxy.host];
        for value in values.into_iter().chain(&haproxy.probe) {
            one_word(value)?;
        }
        if let Some(machine) = &haproxy.machine
            && !is_address(machine)
        {
            return wrong(machine, format!("`{machine}` is not `ssh://user@host:22`"));
        }
    }
    for path in std::iter::once(&app.health.path).chain(&app.health.version) {
        one_word(path)?;
        if !path.starts_with('/') {
            return wrong(path, format!("`{path}` must start with `/`"));
        }
    }
    environments(app)
}

fn processes(process: &Process) -> Result<(), Wrong> {
    let kinds =
        [process.pm2.is_some(), process.systemd.is_some(), process.command.is_some(), process.none];
    if kinds.into_iter().filter(|there| *there).count() > 1 {
        return Err((
            "[process]".into(),
            "a process is kept by one of pm2, systemd, command".into(),
        ));
    }
    if let Some(file) = &process.pm2
        && !is_inner(file)
    {
        return Err((file.clone(), "`pm2` names a file inside of the release".into()));
    }
    if let Some(unit) = &process.systemd {
        one_word(unit)?;
    }
    Ok(())
}

fn environments(app: &App) -> Result<(), Wrong> {
    for (name, env) in &app.env {
        for value in env.url.iter().chain(&env.host).chain(&env.dir) {
            one_word(value)?;
        }
        if let Some(url) = &env.url
            && !(url.starts_with("http://") && url.len() > 7)
        {
            return Err((url.clone(), format!("`{url}` is not an `http://` address")));
        }
        if let Some(host) = &env.host
            && !is_address(host)
        {
            return Err((host.clone(), format!("`{host}` is not `ssh://user@host:22`")));
        }
        if let (Some(host), None) = (&env.host, &app.traffic.haproxy) {
            let why = "a link leads only to environments on this machine: name a haproxy";
            return Err((host.clone(), why.into()));
        }
        if let Some(dir) = &env.dir
            && !dir.starts_with('/')
        {
            return Err((dir.clone(), format!("`dir` of {name} must be an absolute path")));
        }
    }
    let mut envs = app.env.values();
    let (Some(a), Some(b)) = (envs.next(), envs.next()) else { return Ok(()) };
    if a.url.is_some() && a.url == b.url {
        let url = a.url.clone().unwrap_or_default();
        return Err((url.clone(), format!("both environments have the address `{url}`")));
    }
    if a.host == b.host && a.port.is_some() && a.port == b.port {
        let port = a.port.unwrap_or_default();
        return Err((port.to_string(), format!("both environments have the port {port}")));
    }
    if a.host == b.host && a.dir.is_some() && a.dir == b.dir {
        let dir = a.dir.clone().unwrap_or_default();
        return Err((dir.clone(), format!("both environments are in `{dir}`")));
    }
    Ok(())
}

/// `ssh://[user@]host[:port]`, of which nothing could be read as an option.
fn is_address(host: &str) -> bool {
    let Some(rest) = host.strip_prefix("ssh://") else { return false };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let word = |word: &str, more: &str| {
        let letter = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
        !word.is_empty() && !word.starts_with('-') && word.chars().all(letter)
    };
    let (user, rest) = match rest.split_once('@') {
        Some((user, rest)) => (Some(user), rest),
        None => (None, rest),
    };
    let (name, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, "")) => (name, None),
        Some((name, port)) => (name, port.strip_prefix(':').or(Some(""))),
        None => rest.split_once(':').map_or((rest, None), |(name, port)| (name, Some(port))),
    };
    let name_is_good = if rest.starts_with('[') { word(name, ":") } else { word(name, "._-") };
    user.is_none_or(|user| word(user, "._-"))
        && name_is_good
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// A value that is one word wherever it is put: no option, no second command, no second line.
fn one_word(value: &str) -> Result<(), Wrong> {
    let bad = |c: char| c.is_control() || c.is_whitespace() || ";|&`$'\"\\<>".contains(c);
    if value.is_empty() || value.starts_with('-') || value.contains(bad) {
        let shown = crate::base::plain(value);
        // As the file writes it.
        let first = value.escape_debug().to_string();
        return Err((first, format!("`{shown}` is refused: it could be read as something else")));
    }
    Ok(())
}

/// A relative path that stays below where it starts.
fn is_inner(path: &str) -> bool {
    !path.is_empty()
        && !path.contains(|c: char| c.is_control() || c == ';')
        && !path.starts_with(['/', '-'])
        && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
        && path.split('/').all(|part| part != ".git")
}
