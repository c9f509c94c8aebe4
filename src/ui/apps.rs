//! LIVE and STANDBY of the apps of a clone, in a few lines.

use serde_json::Value;

use super::Style;
use crate::base::{Time, plain};

/// Two lines for each app, and a third where something is not known.
pub fn rows(apps: &[Value], now: Time, style: Style) -> Vec<String> {
    let mut rows = Vec::new();
    for app in apps {
        let word = |value: &Value| value.as_str().map(plain);
        let name = word(&app["app"]).unwrap_or_default();
        for (side, key) in [("LIVE   ", "live"), ("STANDBY", "standby")] {
            let it = &app[key];
            let Some(env) = word(&it["env"]) else {
                if app["live"].is_object() {
                    rows.push(format!("  {name}  {side}  {}", style.dim("nothing yet")));
                }
                continue;
            };
            let runs = match (word(&it["version"]), word(&it["commit"])) {
                (Some(version), Some(commit)) => {
                    let short: String = commit.chars().take(7).collect();
                    format!("{version} ({})", style.id(&short))
                }
                _ => "nothing yet".to_owned(),
            };
            rows.push(format!("  {name}  {side}  {env:<8} {runs}"));
        }
        let as_of = word(&app["as_of"]).and_then(|at| Time::parse(&at)).map(|at| at.ago(now));
        let silent = word(&app["silent"]);
        let line = match (silent, as_of) {
            (Some(why), Some(at)) => format!("as of {at}: {why}"),
            (Some(why), None) => format!("it is not known what it runs: {why}"),
            (None, Some(at)) if app["online"].is_null() => format!("as of {at}: not asked"),
            (None, None) => "it is not known what it runs: it was never asked".to_owned(),
            (None, Some(_)) => continue,
        };
        rows.push(format!("  {name}  {}", style.warning(&line)));
    }
    rows
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_old_or_unknown_says_so() {
        let side = json!({ "env": "blue", "version": "1.0", "commit": "a".repeat(40) });
        let app = |more: Value| {
            let mut app = json!({ "app": "shop", "live": side, "standby": null });
            app.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            rows(&[app], Time(600), Style::new(false)).join("\n")
        };
        let at = Time(0).rfc3339();
        let now = app(json!({ "as_of": at, "online": true, "silent": null }));
        assert_eq!(now, "  shop  LIVE     blue     1.0 (aaaaaaa)\n  shop  STANDBY  nothing yet");
        let old = app(json!({ "as_of": at, "online": false, "silent": "no route" }));
        assert!(old.ends_with("as of 10 minutes ago: no route"), "{old}");
        let never = app(json!({ "live": null, "online": false, "silent": "x\u{1b}" }));
        assert_eq!(never, "  shop  it is not known what it runs: x\u{fffd}");
    }
}
