//! A multipart body, taken apart strictly.

use super::answer::Refusal;
use super::route::{Asked, Side};
use axum::body::Bytes;
use futures_util::stream;
use std::collections::BTreeMap;

/// The file of a form.
#[derive(Debug)]
pub(super) struct FilePart {
    pub(super) filename: Option<String>,
    pub(super) mime: Option<String>,
    pub(super) bytes: Bytes,
}

/// A form: its fields, and its one file.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) fields: BTreeMap<String, String>,
    pub(super) file: FilePart,
}

/// The form in the body of `asked`.
pub(super) fn parse(asked: &Asked, side: Side) -> Result<Form, Refusal> {
    let content_type = asked.header("content-type").unwrap_or_default();
    let boundary = multer::parse_boundary(content_type)
        .map_err(|error| Refusal::parameter(side, format!("the body has to be multipart/form-data: {error}")))?;
    let whole = stream::iter([Ok::<_, std::convert::Infallible>(asked.body.clone())]);
    let mut multipart = multer::Multipart::new(whole, boundary);
    let wrong = |error: multer::Error| Refusal::parameter(side, format!("the body is not multipart: {error}"));
    let mut fields = BTreeMap::new();
    let mut file = None;
    // The whole body is there: nothing is ever waited for.
    futures_executor(async {
        while let Some(field) = multipart.next_field().await.map_err(wrong)? {
            let name = field.name().unwrap_or_default().to_owned();
            if name == "file" && file.is_none() {
                let filename = field.file_name().map(str::to_owned);
                let mime = field.headers().get("content-type").and_then(|value| value.to_str().ok());
                let mime = mime.map(str::to_owned);
                file = Some(FilePart { filename, mime, bytes: field.bytes().await.map_err(wrong)? });
            } else if ["messaging_product", "type", "ttl_minutes"].contains(&name.as_str()) {
                if fields.insert(name.clone(), field.text().await.map_err(wrong)?).is_some() {
                    return Err(Refusal::parameter(side, format!("the part {name} stands there twice")));
                }
            } else {
                return Err(Refusal::parameter(side, format!("unexpected part {name:?}")));
            }
        }
        Ok(())
    })?;
    let file = file.ok_or_else(|| Refusal::new(400, 100, "(#100) The parameter file is required.", ""))?;
    Ok(Form { fields, file })
}

/// Runs what never waits.
fn futures_executor<T>(work: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
    let mut work = std::pin::pin!(work);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(done) = work.as_mut().poll(&mut context) {
            return done;
        }
    }
}
