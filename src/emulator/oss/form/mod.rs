//! A posted form: its fields up to the file, and the file's bytes as they come.

mod chunks;

use axum::body::Body;
use bytes::Bytes;
use multer::{Field, Multipart};

use self::chunks::{Chunks, Cut, Limit};
use super::super::error::OssError;
use super::super::wire::FormFields;
use super::body::incomplete;

/// Longest name of a field.
const LONGEST_NAME: usize = 8 * 1024;

/// Longest value of a field.
const LONGEST_VALUE: usize = 2 * 1024 * 1024;

/// All fields together, with an allowance for each.
const LONGEST_HEAD: usize = 4 * 1024 * 1024;

/// A form whose fields have been read.
pub(super) struct Form<'b> {
    /// The fields ahead of the file.
    pub(super) fields: FormFields,
    /// Name of the file at the sender, without folders.
    pub(super) file_name: String,
    /// Type of the file part.
    pub(super) file_type: Option<String>,
    file: Field<'b>,
}

impl<'b> Form<'b> {
    /// Reads the form up to its file. `content_type` is that of the request.
    pub(super) async fn read(content_type: &str, body: &'b mut Body) -> Result<Self, OssError> {
        let boundary = multer::parse_boundary(content_type).map_err(|_| not_a_form())?;
        let limit = Limit::default();
        let mut parts = Multipart::new(Chunks::new(body, limit.clone()), boundary);
        let (mut fields, mut size) = (Vec::new(), 0);
        loop {
            limit.headers();
            let part = parts.next_field().await.map_err(|error| refused(&error))?;
            limit.lift();
            let part = part.ok_or_else(no_file)?;
            let name = part.name().ok_or_else(malformed)?.to_owned();
            if name.eq_ignore_ascii_case("file") {
                return Ok(Self::at_file(fields, part));
            }
            let value = value(&name, part).await?;
            size += name.len() + value.len() + 64;
            fields.push((name, value));
            if size > LONGEST_HEAD {
                return Err(head_too_long());
            }
        }
    }

    fn at_file(fields: Vec<(String, String)>, file: Field<'b>) -> Self {
        let file_name = file.file_name().unwrap_or_default();
        Self {
            fields: FormFields::new(fields),
            file_name: file_name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned(),
            file_type: file.headers().get("content-type").and_then(|value| value.to_str().ok()).map(str::to_owned),
            file,
        }
    }

    /// The next bytes of the file.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, OssError> {
        self.file.chunk().await.map_err(|error| refused(&error))
    }
}

/// The fields of a form, once its file has been read to the end; nothing if it is refused.
#[cfg(fuzzing)]
pub(in crate::emulator) fn fuzz(content_type: &str, mut body: Body) -> Option<FormFields> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().ok()?;
    runtime.block_on(async {
        let mut form = Form::read(content_type, &mut body).await.ok()?;
        while form.chunk().await.ok()?.is_some() {}
        Some(form.fields)
    })
}

async fn value(name: &str, mut part: Field<'_>) -> Result<String, OssError> {
    let mut value = Vec::new();
    if name.len() > LONGEST_NAME {
        return Err(too_long(name));
    }
    while let Some(chunk) = part.chunk().await.map_err(|error| refused(&error))? {
        value.extend_from_slice(&chunk);
        if value.len() > LONGEST_VALUE {
            return Err(too_long(name));
        }
    }
    String::from_utf8(value).map_err(|_| malformed())
}

fn refused(error: &multer::Error) -> OssError {
    let multer::Error::StreamReadFailed(cause) = error else {
        return malformed();
    };
    match cause.downcast_ref::<Cut>() {
        Some(Cut::TooLong) => head_too_long(),
        Some(Cut::Off) | None => incomplete(),
    }
}

fn not_a_form() -> OssError {
    let message = "Bucket POST must be of the enclosure-type multipart/form-data.";
    OssError::bad_request("RequestIsNotMultiPartContent", message)
}

fn malformed() -> OssError {
    let message = "The body of your POST request is not well-formed multipart/form-data.";
    OssError::bad_request("MalformedPOSTRequest", message)
}

fn no_file() -> OssError {
    let message = "POST requires exactly one file upload per request.";
    OssError::bad_request("IncorrectNumberOfFilesInPOSTRequest", message)
}

fn too_long(name: &str) -> OssError {
    let shortened = name.get(..name.floor_char_boundary(100)).unwrap_or_default();
    OssError::bad_request("FieldItemTooLong", "Your form field is too long.").with("Field", shortened)
}

fn head_too_long() -> OssError {
    let message = "Your POST request fields preceding the upload file were too large.";
    OssError::bad_request("MaxPOSTPreDataLengthExceededError", message)
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use proptest::prelude::*;
    use tokio::runtime::Builder;

    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=x";

    fn part(head: &str, value: &str) -> String {
        format!("--x\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n")
    }

    async fn read(content_type: &str, text: &str, chunk: usize) -> Result<(Vec<String>, String, String), String> {
        let chunks: Vec<_> = text.as_bytes().chunks(chunk).map(|chunk| Ok::<_, Cut>(chunk.to_vec())).collect();
        let mut body = Body::from_stream(stream::iter(chunks));
        let mut form = Form::read(content_type, &mut body).await.map_err(|error| error.code.to_owned())?;
        let fields = form.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut file = Vec::new();
        while let Some(chunk) = form.chunk().await.map_err(|error| error.code.to_owned())? {
            file.extend_from_slice(&chunk);
        }
        Ok((fields, form.file_name, String::from_utf8(file).expect("the file is text")))
    }

    #[tokio::test]
    async fn a_form_is_read_up_to_its_file_whatever_the_chunks() {
        let text = part("name=\"Key\"", "a\r\nb")
            + &part("name=policy", "")
            + &part("name=\"File\"; filename=\"C:\\dir\\é.txt\"", "--y\r\n--")
            + &part("name=submit", "later")
            + "--x--\r\n";
        for chunk in [1, 2, 7, 1000] {
            let (fields, file_name, file) = read(TYPE, &text, chunk).await.expect("it is well-formed");
            assert_eq!(fields, ["Key=a\r\nb", "policy="], "chunks of {chunk}");
            assert_eq!((file_name.as_str(), file.as_str()), ("é.txt", "--y\r\n--"), "chunks of {chunk}");
        }
    }

    #[tokio::test]
    async fn what_is_no_form_is_refused_by_its_fault() {
        let file = part("name=file; filename=a", "text");
        for (content_type, text, code) in [
            ("application/json", file.clone(), "RequestIsNotMultiPartContent"),
            ("multipart/form-data", file.clone(), "RequestIsNotMultiPartContent"),
            (TYPE, String::new(), "MalformedPOSTRequest"),
            (TYPE, file, "MalformedPOSTRequest"),
            (TYPE, part("name=key", "a") + "--x--\r\n", "IncorrectNumberOfFilesInPOSTRequest"),
            (TYPE, part("filename=a", "a") + "--x--\r\n", "MalformedPOSTRequest"),
            (TYPE, part("name=a", &"x".repeat(LONGEST_VALUE + 1)), "FieldItemTooLong"),
            (TYPE, part(&format!("name={}", "x".repeat(LONGEST_NAME + 1)), "a"), "FieldItemTooLong"),
            (TYPE, part("name=a", &"x".repeat(LONGEST_VALUE - 1)).repeat(3), "MaxPOSTPreDataLengthExceededError"),
            (TYPE, part(&format!("name={}", "x".repeat(1_000_000)), "a"), "MaxPOSTPreDataLengthExceededError"),
        ] {
            let code_of = read(content_type, &text, 4096).await;
            assert_eq!(code_of.err().as_deref(), Some(code), "{}", &text[..text.len().min(80)]);
        }
    }

    proptest! {
        #[test]
        fn no_body_makes_the_parser_panic_or_hang(text in "(--x|\r\n|Content-Disposition: form-data; |name=|\"|file|[a-c;]){0,30}", chunk in 1..9_usize) {
            let runtime = Builder::new_current_thread().build().expect("a runtime");
            let _ = runtime.block_on(read(TYPE, &text, chunk));
        }
    }
}
