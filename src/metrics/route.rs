//! The routes, as a label.

/// A route; all that are not ours are one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "each is the path that `label` gives")]
pub enum Route {
    Sts,
    CredentialsUri,
    PostSignature,
    PresignedUrl,
    ClassicSts,
    ClassicPostSignature,
    ClassicPresignedUrl,
    Grants,
    Healthz,
    Readyz,
    OpenApi,
    Module,
    Other,
}

impl Route {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 13] = [
        Self::Sts,
        Self::CredentialsUri,
        Self::PostSignature,
        Self::PresignedUrl,
        Self::ClassicSts,
        Self::ClassicPostSignature,
        Self::ClassicPresignedUrl,
        Self::Grants,
        Self::Healthz,
        Self::Readyz,
        Self::OpenApi,
        Self::Module,
        Self::Other,
    ];

    /// The route of a path.
    #[must_use]
    pub fn of(path: &str) -> Self {
        Self::ALL.into_iter().find(|route| route.label() == path).unwrap_or(Self::Other)
    }

    /// Its path, or `other`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Sts => "/sts",
            Self::CredentialsUri => "/credentials-uri",
            Self::PostSignature => "/post-signature",
            Self::PresignedUrl => "/presigned-url",
            Self::ClassicSts => "/get_sts_token_for_oss_upload",
            Self::ClassicPostSignature => "/get_post_signature_for_oss_upload",
            Self::ClassicPresignedUrl => "/get_presigned_url_for_oss_upload",
            Self::Grants => "/grants",
            Self::Healthz => "/healthz",
            Self::Readyz => "/readyz",
            Self::OpenApi => "/openapi.json",
            Self::Module => "/oss-vend.js",
            Self::Other => "other",
        }
    }

    /// Whether something is vended here, so that the audit trail tells of it.
    #[must_use]
    pub const fn vends(self) -> bool {
        matches!(self, Self::Sts | Self::CredentialsUri | Self::PostSignature | Self::PresignedUrl) || self.is_classic()
    }

    /// Whether it is one of the published samples' paths.
    #[must_use]
    pub const fn is_classic(self) -> bool {
        matches!(self, Self::ClassicSts | Self::ClassicPostSignature | Self::ClassicPresignedUrl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_found_by_its_path_and_has_its_number() {
        for (number, route) in Route::ALL.into_iter().enumerate() {
            assert_eq!((Route::of(route.label()), route as usize), (route, number));
        }
        assert_eq!(Route::of("/sts/"), Route::Other);
    }
}
