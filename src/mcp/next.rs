//! The sensible next step after an answer, with the exact call: a model that is told what to
//! do next does not guess.

use serde_json::{Map, Value, json};

use crate::base::{Exit, shell_quote};

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Next {
    why: String,
    tool: Option<(&'static str, Value)>,
    command: Option<String>,
}

impl Next {
    fn nothing(why: impl Into<String>) -> Self {
        Self { why: why.into(), tool: None, command: None }
    }

    fn run(why: impl Into<String>, command: impl Into<String>) -> Self {
        Self { why: why.into(), tool: None, command: Some(command.into()) }
    }

    fn plan(why: impl Into<String>, command: &str, args: &[&str]) -> Self {
        let arguments = match args {
            [] => json!({ "command": command }),
            _ => json!({ "command": command, "args": args }),
        };
        let mut line = format!("gsync {command}");
        for arg in args {
            line = format!("{line} {}", shell_quote(arg));
        }
        Self { why: why.into(), tool: Some(("plan", arguments)), command: Some(line) }
    }

    fn call(why: impl Into<String>, tool: &'static str, arguments: Value, command: &str) -> Self {
        Self { why: why.into(), tool: Some((tool, arguments)), command: Some(command.to_owned()) }
    }

    pub(super) fn object(&self) -> Value {
        let mut object = json!({ "why": self.why });
        if let Some((tool, arguments)) = &self.tool {
            object["tool"] = json!(tool);
            object["arguments"] = arguments.clone();
        }
        if let Some(command) = &self.command {
            object["command"] = json!(command);
        }
        object
    }
}

/// What to do after this answer of a tool.
pub(super) fn after(tool: &str, exit: Exit, object: &Map<String, Value>) -> Next {
    if exit != Exit::Done {
        return after_failure(tool, exit, object);
    }
    match tool {
        "status" => after_status(object),
        "review" if len(object, "incoming") > 0 => {
            Next::plan("take these commits in", "start", &[])
        }
        "review" => Next::nothing("nothing has come in"),
        "guard" if object.get("ok") == Some(&json!(true)) => {
            Next::plan("nothing is refused: commit and push when the work is done", "finish", &[])
        }
        "guard" => Next::nothing("mend or unstage what was found, then judge again"),
        "plan" | "undo" => after_plan(object),
        "apply" => after_apply(object),
        "services" if len(object, "services") > 0 => {
            Next::plan("bring these services up to date", "up", &[])
        }
        "handoffs" => after_handoffs(object),
        "envs" => after_envs(object),
        _ => Next::nothing("nothing follows from this"),
    }
}

fn after_status(object: &Map<String, Value>) -> Next {
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let clean = object.get("clean") == Some(&json!(true));
    if object.contains_key("unfinished") {
        return Next::run("a run was cut off: put it back first", "gsync rescue");
    }
    if object.contains_key("operation") {
        let why = format!("finish or give up the {} in progress first", text("operation"));
        return Next::run(why, "git status");
    }
    match text("relation") {
        "behind" | "diverged" if text_at(object, "forecast", "result") == "conflict" => Next::call(
            "pulling would conflict: look at what came in",
            "review",
            json!({}),
            "gsync start --review",
        ),
        "behind" | "diverged" => Next::plan("pull before work", "start", &[]),
        "rewound" => Next::call(
            "the hub was rewritten: look before doing anything",
            "review",
            json!({}),
            "gsync start --review",
        ),
        "detached" => Next::run("HEAD is on no branch", "git switch main"),
        _ if len(object, "handoffs") > 0 => {
            Next::call("handoffs wait for this role", "handoffs", json!({}), "gsync handoff list")
        }
        "ahead" | "none" if clean => Next::plan("push after work", "finish", &[]),
        _ if !clean => Next::plan(
            "when this work is done, commit it with a message of your own and push it",
            "finish",
            &["--all", "--message", "MESSAGE"],
        ),
        "synced" => Next::nothing("in sync and clean: work can begin"),
        _ => Next::nothing("nothing follows from this"),
    }
}

fn after_handoffs(object: &Map<String, Value>) -> Next {
    let Some(one) = object.get("handoff") else {
        let first = object.get("handoffs").and_then(|all| all[0]["id"].as_str());
        return match first {
            Some(id) => Next::call(
                "read those that are for this role, each by its id",
                "handoffs",
                json!({ "id": id }),
                &format!("gsync handoff take {}", shell_quote(id)),
            ),
            None => Next::nothing("no handoff is open"),
        };
    };
    let id = one["id"].as_str().unwrap_or_default();
    match one["status"].as_str() {
        Some("sent") => Next::plan(
            "if it is for this role: say in your own words what is to be done",
            "handoff ack",
            &[id, "--message", "MESSAGE"],
        ),
        Some("acked") => Next::plan("once it is deployed, say so", "handoff done", &[id]),
        _ => Next::nothing("nothing waits in this handoff"),
    }
}

fn after_envs(object: &Map<String, Value>) -> Next {
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    if object.contains_key("drift") {
        let why = "nothing is changed until a person has said which one is LIVE";
        return Next::run(why, "gsync envs --reconcile");
    }
    if object.contains_key("busy") {
        return Next::nothing("somebody is changing it: look again later");
    }
    let commit = |side: &str| {
        let envs = object.get("envs")?;
        envs[text(side)]["commit"].as_str()
    };
    match (commit("live"), commit("standby")) {
        (_, None) => Next::nothing("STANDBY runs nothing yet: push to the app, or plan `deploy`"),
        (live, standby) if live == standby => Next::nothing("both run the same commit"),
        _ => Next::plan(
            "STANDBY runs another commit: once it is tested and the user has said yes, release it",
            "release",
            &["--app", text("app")],
        ),
    }
}

fn after_plan(object: &Map<String, Value>) -> Next {
    let plan = object.get("plan").and_then(Value::as_object);
    let steps = plan.and_then(|plan| plan.get("steps")).and_then(Value::as_array);
    if steps.is_none_or(Vec::is_empty) {
        return Next::nothing("nothing to do");
    }
    let id = plan.and_then(|plan| plan.get("id")).and_then(Value::as_str).unwrap_or_default();
    let line = object.get("command").and_then(Value::as_str).unwrap_or_default();
    Next::call(
        "carry out exactly this plan, or nothing",
        "apply",
        json!({ "id": id }),
        &format!("{line} --only {id}"),
    )
}

fn after_apply(object: &Map<String, Value>) -> Next {
    if let Some(app) = object.get("app").and_then(Value::as_str) {
        let line = format!("gsync envs --app {}", shell_quote(app));
        return Next::call("see both environments", "envs", json!({ "app": app }), &line);
    }
    let title = text_at(object, "plan", "title");
    if title.starts_with("commit") {
        return Next::plan("it is committed here: push it", "finish", &[]);
    }
    if title.starts_with("start") || title.starts_with("pull") {
        return Next::call(
            "see which services this touches",
            "services",
            json!({}),
            "gsync services",
        );
    }
    Next::call("see where things stand now", "status", json!({}), "gsync status")
}

fn after_failure(tool: &str, exit: Exit, object: &Map<String, Value>) -> Next {
    match exit {
        Exit::Stuck => Next::run("not everything could be put back", "gsync rescue"),
        Exit::Busy => Next::nothing("wait for the other gsync to end, then do the same again"),
        Exit::Usage if tool == "apply" || tool == "plan" => {
            Next::nothing("mend the arguments as the error says, and call again")
        }
        Exit::Refused if text_at(object, "error", "code") == "plan-changed" => {
            Next::nothing("nothing was changed; plan again, look at it, then apply the new id")
        }
        Exit::PutBack | Exit::Interrupted => {
            Next::call("everything is as it was", "status", json!({}), "gsync status")
        }
        Exit::Kept => Next::call("see what stays", "log", json!({ "limit": 1 }), "gsync log -n 1"),
        _ if object.get("error").is_some_and(|error| error["hints"][0].is_string()) => {
            Next::nothing("do what the hints say, then call again")
        }
        _ => Next::nothing("nothing was done; the error says why"),
    }
}

fn len(object: &Map<String, Value>, name: &str) -> usize {
    object.get(name).and_then(Value::as_array).map_or(0, Vec::len)
}

fn text_at<'a>(object: &'a Map<String, Value>, name: &str, field: &str) -> &'a str {
    object.get(name).and_then(|value| value[field].as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(tool: &str, exit: Exit, object: &Value) -> Value {
        after(tool, exit, object.as_object().unwrap()).object()
    }

    #[test]
    fn the_next_step_follows_from_where_things_stand() {
        for (status, command) in [
            (json!({"relation": "behind", "clean": true}), "gsync start"),
            (json!({"relation": "behind", "clean": false}), "gsync start"),
            (json!({"relation": "ahead", "clean": true}), "gsync finish"),
            (json!({"relation": "ahead", "clean": false}), "gsync finish --all --message MESSAGE"),
            (json!({"relation": "behind", "operation": "merge"}), "git status"),
            (json!({"relation": "synced", "clean": true, "unfinished": {}}), "gsync rescue"),
            (json!({"relation": "synced", "clean": true, "handoffs": [1]}), "gsync handoff list"),
            (
                json!({"relation": "diverged", "forecast": {"result": "conflict"}}),
                "gsync start --review",
            ),
        ] {
            assert_eq!(next("status", Exit::Done, &status)["command"], command, "{status}");
        }
        let calm = json!({"relation": "synced", "clean": true});
        assert!(next("status", Exit::Done, &calm).get("tool").is_none());
    }

    #[test]
    fn a_plan_leads_to_applying_exactly_it() {
        let plan = json!({"plan": {"id": "a1", "steps": ["x"]}, "command": "gsync start"});
        let next = next("plan", Exit::Done, &plan);
        assert_eq!(next["arguments"], json!({"id": "a1"}));
        assert_eq!(next["command"], "gsync start --only a1");
    }

    #[test]
    fn a_failure_never_leads_to_the_same_blind_call() {
        let changed = json!({"error": {"code": "plan-changed"}});
        let next = next("apply", Exit::Refused, &changed);
        assert!(next["why"].as_str().unwrap().starts_with("nothing was changed; plan again"));
    }
}
