//! What HAProxy has to know of an app: shown, or written into its configuration, once haproxy
//! itself has said that it would start with that.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::base::{Bytes, File, Problem, plain, shell_quote};
use crate::config::app::App;
use crate::host::haproxy::{self, Lines, Site};
use crate::host::http::Url;
use crate::host::read;
use crate::plan::{Plan, Step};

/// The lines of an app; nothing if no HAProxy leads its traffic.
pub(super) fn lines(app: &App) -> Result<Option<Lines>> {
    let Some(settings) = &app.traffic.haproxy else { return Ok(None) };
    let sides = sides(app)?;
    let site = Site {
        app: &app.name,
        host: &settings.host,
        map: Path::new(&settings.map),
        health: &app.health.path,
        status: app.health.status,
        backends: sides.iter().map(|(name, url)| (name.as_str(), url.clone())).collect(),
    };
    haproxy::lines(&site).map(Some)
}

/// The backend of each environment, and where its server is.
fn sides(app: &App) -> Result<Vec<(String, Url)>> {
    let Some(settings) = &app.traffic.haproxy else { return Ok(Vec::new()) };
    let side = |(name, env): (&String, &crate::config::app::Env)| {
        let backend = settings.backend.replace("{app}", &app.name).replace("{env}", name);
        let port = || env.port.map(|port| format!("http://127.0.0.1:{port}"));
        let url = env.url.clone().or_else(port).ok_or_else(|| {
            Problem::usage("config", format!("[env.{name}] has neither `url` nor `port`"))
                .hint(format!("say where it listens: `port = 3001` under [env.{name}]"))
        })?;
        Ok((backend, Url::parse(&url)?))
    };
    app.env.iter().map(side).collect()
}

/// The steps that write them. Refused before anything is changed if haproxy would not start.
pub(super) fn plan(app: &App, file: &Path, frontend: Option<&str>) -> Result<Plan> {
    let (Some(lines), Some(settings)) = (lines(app)?, &app.traffic.haproxy) else {
        return Err(Problem::refuse("no-haproxy", "app.toml does not say that haproxy leads")
            .hint("make the app without `--haproxy`, then name it under [traffic] in app.toml")
            .into());
    };
    if let Some(machine) = &settings.machine {
        return Err(Problem::refuse("haproxy-elsewhere", format!("haproxy is on {machine}"))
            .because("`--haproxy FILE` writes only to a configuration on this machine")
            .hint(format!(
                "put the lines in over there: `gsync app create {} --dir DIR` shows them",
                app.name
            ))
            .into());
    }
    let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    let shown = plain(&file.to_string_lossy());
    let Some(old) = read::file(&file)? else {
        return Err(Problem::usage("no-file", format!("there is no {shown}")).into());
    };
    let text = String::from_utf8(old.bytes.0.clone())
        .map_err(|_| Problem::usage("not-text", format!("{shown} is not text")))?;
    if let Some(why) = conflict(&text, &app.name, &settings.host, &sides(app)?) {
        return Err(Problem::refuse("conflict", format!("{shown}: {why}"))
            .hint(format!("change app.toml of {} or {}", app.name, shell_quote(&shown)))
            .into());
    }
    let new = lines.insert(&text, frontend).map_err(|why| {
        Problem::usage("frontend", format!("{shown}: {why:#}"))
            .hint("name the one that serves the users: `--frontend NAME`")
    })?;
    let mut plan = Plan::new(format!("tell haproxy of {}", app.name));
    let map = PathBuf::from(&settings.map);
    let known = read::file(&map)?;
    let bytes = known.as_ref().map_or(&[][..], |file| &file.bytes.0);
    if !has(bytes, &app.name) {
        let mut bytes = bytes.to_vec();
        if bytes.last().is_some_and(|last| *last != b'\n') {
            bytes.push(b'\n');
        }
        let first = sides(app)?.into_iter().next().context("an app has environments")?.0;
        bytes.extend_from_slice(format!("{} {first}\n", app.name).as_bytes());
        let mut dirs: Vec<_> = map.ancestors().skip(1).take_while(|dir| !dir.is_dir()).collect();
        dirs.reverse();
        plan.steps.extend(dirs.into_iter().map(|dir| Step::MakeDir { dir: dir.to_owned() }));
        let mode = known.map_or(0o644, |file| file.mode);
        let at = map.canonicalize().unwrap_or_else(|_| map.clone());
        plan = plan.then(Step::Write { path: at, file: Some(File { bytes: Bytes(bytes), mode }) });
    }
    if new != text {
        // The map may be one that is only about to be made.
        let checked = new.replace(&settings.map, "/dev/null");
        if let Err(why) = haproxy::check(&checked)? {
            return Err(Problem::refuse(
                "invalid",
                format!("haproxy would not start with {shown}"),
            )
            .because(why)
            .hint(format!("see how it is now: `haproxy -c -f {}`", shell_quote(&shown)))
            .into());
        }
        let file_new = File { bytes: Bytes(new.into_bytes()), mode: old.mode };
        plan = plan.then(Step::Write { path: file, file: Some(file_new) });
    }
    Ok(plan)
}

fn has(map: &[u8], app: &str) -> bool {
    let text = String::from_utf8_lossy(map);
    text.lines().any(|line| line.split_whitespace().next() == Some(app))
}

/// What stands there already and means something else.
fn conflict(config: &str, app: &str, host: &str, sides: &[(String, Url)]) -> Option<String> {
    let host = host.to_ascii_lowercase();
    let mut section = String::new();
    for line in config.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["backend" | "frontend" | "listen", name, ..] => (*name).clone_into(&mut section),
            ["server", _, address, ..] => {
                for (name, url) in sides {
                    let ours = url.authority();
                    if *name == section && *address != ours {
                        return Some(format!("backend {name} is there with another server"));
                    }
                    if *name != section && *address == ours {
                        return Some(format!(
                            "{ours} is the server of {} already",
                            plain(&section)
                        ));
                    }
                }
            }
            ["bind", address, ..] => {
                let taken = |url: &Url| address.ends_with(&format!(":{}", url.port));
                if let Some((name, url)) = sides.iter().find(|(_, url)| taken(url)) {
                    return Some(format!(
                        "haproxy itself listens on {}, as {name} would",
                        url.port
                    ));
                }
            }
            _ if line.contains("set-var(txn.gsync_live)")
                && line.contains(&format!("-m str {host} }}"))
                && !line.contains(&format!(" str({app}),")) =>
            {
                return Some(format!("{} is the name of another app", plain(&host)));
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_else_already_is_found() {
        let url = |port: u16| Url { host: "127.0.0.1".into(), port, path: "/".into() };
        let sides = [("shop_blue".to_owned(), url(3001)), ("shop_green".to_owned(), url(3002))];
        let said = |config: &str| conflict(config, "shop", "Shop.test", &sides);
        let var = "http-request set-var(txn.gsync_live)";
        assert_eq!(
            said("frontend www\n bind :80\nbackend shop_blue\n server s 127.0.0.1:3001\n"),
            None
        );
        assert_eq!(said(&format!("{var} str(shop),map_str(/m) if {{ x -m str shop.test }}")), None);
        assert!(said("backend shop_blue\n server s 127.0.0.1:9\n").is_some());
        assert!(said("backend other\n server s 127.0.0.1:3002 check\n").is_some());
        assert!(said("frontend www\n bind *:3001\n").is_some());
        assert!(
            said(&format!("{var} str(cafe),map_str(/m) if {{ x -m str shop.test }}")).is_some()
        );
    }
}
