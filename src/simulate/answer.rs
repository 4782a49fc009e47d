//! Answers as the platform gives them.

use super::route::Side;
use crate::listen::Cut;
use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::stream;
use serde_json::{Value, json};

/// What the stand-in says no with.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: i64,
    pub(super) subcode: Option<i64>,
    pub(super) title: String,
    pub(super) details: String,
}

impl Refusal {
    pub(super) fn new(status: u16, code: i64, title: &str, details: impl Into<String>) -> Self {
        Self { status, code, subcode: None, title: title.to_owned(), details: details.into() }
    }

    /// A parameter with a wrong value.
    pub(super) fn value(side: Side, details: impl Into<String>) -> Self {
        match side {
            Side::V1 => Self::new(400, 1009, "Parameter value is not valid", details),
            Side::Dialog | Side::Meta => Self::new(400, 131_009, "(#131009) Parameter value is not valid", details),
        }
    }

    /// A parameter that is not there.
    pub(super) fn missing(side: Side, details: impl Into<String>) -> Self {
        match side {
            Side::V1 => Self::new(400, 1008, "Required parameter is missing", details),
            Side::Dialog | Side::Meta => Self::new(400, 131_008, "(#131008) Required parameter is missing", details),
        }
    }

    /// A request that is wrong as such.
    pub(super) fn parameter(side: Side, details: impl Into<String>) -> Self {
        match side {
            Side::V1 => Self::new(400, 1009, "Parameter value is not valid", details),
            Side::Dialog | Side::Meta => Self::new(400, 100, "(#100) Invalid parameter", details),
        }
    }

    /// Media or a session that does not exist.
    pub(super) fn unknown(side: Side, id: &str) -> Self {
        match side {
            Side::V1 => Self::new(404, 1006, "Resource not found", format!("unknown media {id}")),
            Side::Dialog | Side::Meta => Self {
                subcode: Some(33),
                ..Self::new(
                    400,
                    100,
                    &format!(
                        "Unsupported request. Object with ID '{id}' does not exist, cannot be loaded due to missing permissions, or does not support this operation"
                    ),
                    "",
                )
            },
        }
    }

    /// The key is wrong.
    pub(super) fn key(side: Side, what: &str) -> Self {
        match side {
            // The gateway's own form; see `respond`.
            Side::V1 | Side::Dialog => Self::new(401, 0, "Invalid api_key or token expired", what),
            Side::Meta => Self::new(401, 190, "Invalid OAuth access token - Cannot parse access token", what),
        }
    }

    pub(super) fn respond(&self, side: Side) -> Response {
        let body = match side {
            Side::V1 | Side::Dialog if self.status == 401 => {
                json!({"meta": {"httpCode": 401, "developerMessage": self.title, "success": false}})
            }
            Side::V1 => json!({
                "errors": [{"code": self.code, "title": self.title, "details": self.details}],
                "meta": {"api_status": "stable", "version": "2.35.4"},
            }),
            Side::Dialog | Side::Meta => {
                let mut error = json!({
                    "message": self.title,
                    "type": "OAuthException",
                    "code": self.code,
                    "fbtrace_id": "AXsgnV2Cm3ZMGF3dF_cfYIn",
                });
                if !self.details.is_empty() {
                    error["error_data"] = json!({"messaging_product": "whatsapp", "details": self.details});
                }
                if let Some(subcode) = self.subcode {
                    error["error_subcode"] = subcode.into();
                }
                json!({ "error": error })
            }
        };
        json_with(self.status, &body)
    }
}

/// JSON with a status.
pub(super) fn json_with(status: u16, body: &Value) -> Response {
    built(Response::builder().status(status).header("Content-Type", "application/json"), Body::from(body.to_string()))
}

/// No answer: the connection ends.
pub(super) fn cut() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Cut);
    response
}

/// The first half of `response`'s bytes, then the connection ends.
pub(super) fn half(bytes: Bytes, mime: &str) -> Response {
    let length = bytes.len();
    let first = bytes.slice(..length / 2);
    let parts = vec![Ok(first), Err(std::io::Error::other("cut"))];
    let head = Response::builder().status(200).header("Content-Type", mime).header("Content-Length", length);
    built(head, Body::from_stream(stream::iter(parts)))
}

/// The response of `head` and `body`; constants of ours cannot make a wrong head.
pub(super) fn built(head: axum::http::response::Builder, body: Body) -> Response {
    head.body(body).unwrap_or_else(|_| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
