//! Messages to the platform. A send whose answer was lost may have been taken: it is told as uncertain, never repeated.

use super::Uploader as _;
use super::http::HttpUploader;
use super::ledger::{Ledger, SendNote, State, Target};
use super::retry::Failure;
use crate::error::{Error, ErrorKind, Result};
use crate::fault::{Class, Fault};
use serde_json::Value;

/// Sends messages, and notes each in the ledger.
#[derive(Debug)]
pub struct Sender<'a> {
    client: &'a HttpUploader,
    ledger: &'a Ledger,
}

/// How a send went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// `Sent` or `Uncertain`.
    pub state: State,
    /// The message's id, when it was taken.
    pub message_id: Option<String>,
    /// The recipient's id as the platform has it, when it was told.
    pub wa_id: Option<String>,
    /// `accepted`, `held_for_quality_assessment` or `paused`, when it was told. None of them means delivered.
    pub message_status: Option<String>,
    /// Why it is uncertain.
    pub why: Option<String>,
}

impl<'a> Sender<'a> {
    /// A sender with the account, pace and circuit of `client`.
    #[must_use]
    pub const fn new(client: &'a HttpUploader, ledger: &'a Ledger) -> Self {
        Self { client, ledger }
    }

    /// Sends a message with this `body`; `note` is what callbacks are explained from.
    ///
    /// # Errors
    /// `Upload` when the platform refused it, or no connection came about: then it was not sent; an id that the platform
    /// does not know any more is forgotten. `Cancelled` when it was stopped: its message says whether it may have been
    /// sent. `Io` when the ledger cannot be used.
    pub fn send(&self, body: Value, note: &SendNote) -> Result<Sent> {
        let client = self.client.client();
        let call = client.account.message(body);
        let row = self.ledger.begin_send(self.client.host(), self.client.number(), note)?;
        let again = |failure: &Failure| match failure {
            // An answer with a code says that this message was not taken.
            Failure::Fault(fault) => fault.class.is_retryable() && is_refusal(fault),
            Failure::NotSent(_) => true,
            Failure::Unanswered(_) | Failure::Own(_) => false,
        };
        let mut may_be_out = false;
        let answer = client.backoff.run(&client.others, &client.cancel, again, || {
            client.circuit.check()?;
            may_be_out = true;
            let answer = client.noted(client.single.send(&call, None).and_then(|answer| answer.success()?.json()));
            may_be_out = !answer.as_ref().is_err_and(again);
            answer
        });
        let sent = match answer {
            Ok(value) => accepted(&value),
            Err(Failure::Unanswered(why)) => uncertain(why),
            Err(Failure::Fault(fault)) if !is_refusal(&fault) => uncertain(fault.to_string()),
            Err(Failure::Own(error)) if error.kind() == ErrorKind::Cancelled => {
                let (state, what) = if may_be_out {
                    (State::Uncertain, "uncertain: stopped while the message was sent, and it may arrive")
                } else {
                    (State::Failed, "stopped before the message was sent")
                };
                self.ledger.end_send(row, state, None, Some(what))?;
                return Err(Error::new(ErrorKind::Cancelled, what));
            }
            Err(failure) => {
                if let (Failure::Fault(fault), Some(id)) = (&failure, &note.media_id)
                    && self.is_gone(fault, id)
                {
                    let target =
                        Target { host: self.client.host().to_owned(), number: self.client.number().to_owned() };
                    self.ledger.forget(&target, id)?;
                }
                let error = failure.into_error("the message was not sent");
                self.ledger.end_send(row, State::Failed, None, Some(&error.what()))?;
                return Err(error);
            }
        };
        self.ledger.end_send(row, sent.state, sent.message_id.as_deref(), sent.why.as_deref())?;
        Ok(sent)
    }

    /// Whether `fault` says that the media `id` is not there: and not that the number is not, which Meta tells with the
    /// same code.
    fn is_gone(&self, fault: &Fault, id: &str) -> bool {
        let says = |what: &str| fault.title.contains(what) || fault.details.contains(what);
        let is_number = self.client.account().phone_number_id().is_some_and(says);
        fault.class == Class::Missing && is_refusal(fault) && (says(id) || !is_number)
    }
}

/// Whether the platform itself refused: a gateway's 502 or 504 without a code says nothing about the message.
fn is_refusal(fault: &Fault) -> bool {
    fault.code.is_some() || fault.status < 500
}

fn accepted(value: &Value) -> Sent {
    let text = |path: &str| value.pointer(path).and_then(Value::as_str).map(str::to_owned);
    match text("/messages/0/id").filter(|id| !id.is_empty()) {
        Some(id) => Sent {
            state: State::Sent,
            message_id: Some(id),
            wa_id: text("/contacts/0/wa_id"),
            message_status: text("/messages/0/message_status"),
            why: None,
        },
        None => uncertain("the answer names no message id".to_owned()),
    }
}

fn uncertain(why: String) -> Sent {
    Sent { state: State::Uncertain, message_id: None, wa_id: None, message_status: None, why: Some(why) }
}
