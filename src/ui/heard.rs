//! What a command prints, heard by whoever runs it inside of this process: the server for
//! agents runs the same commands as the command line, and its stdout belongs to a protocol.

use std::cell::RefCell;

use crate::plan::Event;

/// What was printed.
#[derive(Debug, Default)]
pub struct Heard {
    pub result: String,
    pub talk: String,
}

/// Somebody who follows a run.
pub type Listener = Box<dyn FnMut(&Event<'_>)>;

struct Hearing {
    heard: Heard,
    listener: Option<Listener>,
    /// The command in words, as the journal shall tell it.
    words: String,
}

thread_local! {
    static HEARING: RefCell<Option<Hearing>> = const { RefCell::new(None) };
}

/// Runs something on this thread, and hears all that it prints.
pub fn hear<T>(words: String, listener: Listener, run: impl FnOnce() -> T) -> (T, Heard) {
    let hearing = Hearing { heard: Heard::default(), listener: Some(listener), words };
    let before = HEARING.replace(Some(hearing));
    let answer = run();
    let heard = HEARING.replace(before).map(|hearing| hearing.heard).unwrap_or_default();
    (answer, heard)
}

/// The command that is heard, if one is.
pub fn words() -> Option<String> {
    HEARING.with_borrow(|hearing| hearing.as_ref().map(|hearing| hearing.words.clone()))
}

/// Takes a result; says whether somebody hears it.
pub(super) fn result(text: &str) -> bool {
    take(|heard| heard.result.push_str(text))
}

/// Takes a line of talk; says whether somebody hears it.
pub(super) fn talk(line: &str) -> bool {
    take(|heard| {
        heard.talk.push_str(line);
        heard.talk.push('\n');
    })
}

fn take(keep: impl FnOnce(&mut Heard)) -> bool {
    HEARING.with_borrow_mut(|hearing| match hearing {
        Some(hearing) => {
            keep(&mut hearing.heard);
            true
        }
        None => false,
    })
}

/// Passes an event on.
pub(super) fn event(event: &Event<'_>) {
    // Taken out meanwhile: a listener that prints must find the door open.
    let listener =
        HEARING.with_borrow_mut(|hearing| hearing.as_mut().and_then(|it| it.listener.take()));
    let Some(mut listener) = listener else { return };
    listener(event);
    HEARING.with_borrow_mut(|hearing| {
        if let Some(hearing) = hearing {
            hearing.listener = Some(listener);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::Ui;

    #[test]
    fn what_is_printed_is_heard_and_goes_nowhere_else() {
        let ui = Ui { json: true, ..Ui::default() };
        let (exit, heard) = hear("gsync x".into(), Box::new(|_| {}), || {
            ui.say("talk");
            ui.object(&serde_json::json!({ "a": words() }));
            7
        });
        assert_eq!((exit, heard.talk.as_str()), (7, "talk\n"));
        assert_eq!(heard.result, "{\"gsync\":1,\"a\":\"gsync x\"}\n");
        assert_eq!(words(), None);
    }
}
