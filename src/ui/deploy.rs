//! The environments of an app, for people and for programs.

use serde_json::{Map, Value, json};

use super::Style;
use crate::base::plain;
use crate::deploy::{Facts, Seen};

/// Both environments, LIVE first.
pub fn envs(style: &Style, facts: &Facts, drift: Option<&str>, busy: Option<&str>) -> String {
    let mut text = format!("{}\n", style.title(&facts.app.name));
    // Led to something that is no environment, none of them is known to be STANDBY.
    let live = facts.sources.proxy.as_deref().filter(|live| facts.envs.contains_key(*live));
    let mut names: Vec<&String> = facts.envs.keys().collect();
    names.sort_by_key(|name| Some(name.as_str()) != live);
    for name in names {
        let side = match live {
            Some(live) if live == name => "LIVE   ",
            Some(_) => "STANDBY",
            None => "?      ",
        };
        let env = &facts.envs[name];
        let state = facts.state.as_ref().and_then(|state| state.envs.get(name));
        let runs = match state {
            Some(it) => format!(
                "{} ({}) {}, {} by {}",
                plain(&it.version),
                it.commit.short(),
                plain(&it.release),
                plain(&it.deployed_at),
                plain(&it.deployed_by)
            ),
            None => "nothing yet".to_owned(),
        };
        let url = facts.app.env.get(name).and_then(|env| env.url.as_deref()).unwrap_or("");
        let health = env.health.word();
        let row = format!("  {side} {name:<8} {health:<8} {runs}  {}", plain(url));
        text += row.trim_end();
        text.push('\n');
        if let Seen::Failing(why) = &env.health {
            text += &format!("          {}\n", plain(why));
        }
        if let Some(why) = &env.unseen {
            text += &format!("          {}\n", plain(why));
        }
    }
    if let Some(busy) = busy {
        text += &format!("  busy: {}\n", plain(busy));
    }
    if let Some(drift) = drift {
        text += &format!("{} {drift}\n", style.error("drift:"));
    }
    text
}

/// The same for programs.
pub fn envs_object(facts: &Facts, drift: Option<&str>, busy: Option<&str>) -> Value {
    let live = facts.sources.proxy.clone().filter(|live| facts.app.env.contains_key(live));
    let standby = live.as_deref().and_then(|live| facts.app.other(live));
    let mut envs = Map::new();
    for (name, env) in &facts.envs {
        let url = facts.app.env.get(name).and_then(|env| env.url.clone());
        let state = facts.state.as_ref().and_then(|state| state.envs.get(name));
        let object = json!({
            "version": state.map(|it| &it.version),
            "commit": state.map(|it| &it.commit),
            "release": state.map(|it| &it.release),
            "url": url,
            "health": env.health.word(),
            "unseen": env.unseen,
            "deployed_at": state.map(|it| &it.deployed_at),
            "deployed_by": state.map(|it| &it.deployed_by),
        });
        envs.insert(name.clone(), object);
    }
    json!({
        "app": facts.app.name,
        "live": live,
        "standby": standby,
        "drift": drift,
        "busy": busy,
        "envs": envs,
        "sources": facts.sources,
    })
}
