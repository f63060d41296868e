//! What callers may have.

use super::super::byte_size::ByteSize;
use super::super::settings::{GrantObjectSettings, GrantSettings, PolicySource, Settings, SignatureVersion};
use super::{AccessRules, Widened};
use crate::policy::template::Place;
use crate::policy::{NamedBy, Template, UnsafeId};

impl Widened {
    pub(super) fn grants(&mut self, before: &AccessRules, after: &AccessRules) {
        for (name, grant) in &after.settings.grants {
            match before.settings.grants.get(name) {
                None => self.add(format!("grants.{name}"), "added"),
                Some(other) => {
                    self.grant(name, other, grant);
                    self.policy(name, before, after);
                    let role = |settings: &Settings, grant: &GrantSettings| {
                        grant.role_arn.clone().or_else(|| settings.sts.role_arn.clone())
                    };
                    let roles = (role(&before.settings, other), role(&after.settings, grant));
                    self.changed(format!("grants.{name}.role_arn"), &roles.0, &roles.1);
                    let life =
                        |settings: &Settings, grant: &GrantSettings| grant.duration.unwrap_or(settings.sts.duration);
                    let lives = (life(&before.settings, other), life(&after.settings, grant));
                    self.raised(format!("grants.{name}.duration"), &lives.0, &lives.1);
                }
            }
        }
    }

    fn grant(&mut self, name: &str, before: &GrantSettings, after: &GrantSettings) {
        let key = |key: &str| format!("grants.{name}.{key}");
        // Where a bucket is reached, how objects and sessions are named, and lives that are asked for widen nothing.
        let GrantSettings {
            bucket,
            region: _,
            endpoint: _,
            public_host: _,
            callers: _,
            require: _,
            dir,
            overlaps,
            unsafe_id,
            key: _,
            keys,
            methods,
            min_size,
            max_size,
            allow_unsized_put,
            content_types,
            default_content_type: _,
            expires: _,
            max_expires,
            duration: _,
            role_arn: _,
            session_name: _,
            policy: _,
            strict_form,
            object,
            process,
            reads: _, // depends on the other grants; the reload compares what takes effect
            signature_versions,
            limit,
        } = after;
        self.changed(key("bucket"), &before.bucket, bucket);
        self.callers(name, before, after);
        if !is_within(dir, &before.dir) {
            self.add(key("dir"), format!("changed from {:?} to {dir:?}", before.dir));
        }
        self.switched(key("overlaps"), before.overlaps, *overlaps);
        self.switched(key("unsafe_id"), before.unsafe_id == UnsafeId::Hash, *unsafe_id == UnsafeId::Hash);
        self.extended(key("methods"), &before.methods, methods);
        self.raised(key("min_size"), min_size, &before.min_size);
        let most = |size: Option<ByteSize>| size.map_or(u64::MAX, ByteSize::bytes);
        self.raised(key("max_size"), &most(before.max_size), &most(*max_size));
        self.switched(key("allow_unsized_put"), before.allow_unsized_put, *allow_unsized_put);
        self.loosened(key("content_types"), &before.content_types, content_types);
        let by_server = |keys: Option<NamedBy>| keys == Some(NamedBy::Server);
        let by_caller = |keys: Option<NamedBy>| keys == Some(NamedBy::Caller);
        let names = by_server(before.keys) && !by_server(*keys) || by_caller(*keys) && !by_caller(before.keys);
        self.switched(key("keys"), false, names);
        self.switched(key("strict_form"), !before.strict_form, !strict_form);
        self.object(name, &before.object, object);
        self.extended(key("process.allow"), &before.process.allow, &process.allow);
        self.raised(key("max_expires"), &before.max_expires, max_expires);
        let v1 = |grant: &[SignatureVersion]| grant.contains(&SignatureVersion::V1);
        self.switched(key("signature_versions"), v1(&before.signature_versions), v1(signature_versions));
        self.rate(key("limit"), before.limit, *limit);
    }

    /// What uploads are stored with: a value that is fixed no longer, or otherwise, leaves another choice.
    fn object(&mut self, name: &str, before: &GrantObjectSettings, after: &GrantObjectSettings) {
        let key = |key: &str| format!("grants.{name}.object.{key}");
        let GrantObjectSettings {
            storage_class,
            storage_classes,
            acl,
            cache_control,
            content_disposition,
            content_encoding,
        } = after;
        if storage_classes.iter().any(|class| !before.storage_classes.contains(class)) {
            self.add(key("storage_classes"), "extended");
        }
        if before.storage_class.is_some() {
            self.changed(key("storage_class"), &before.storage_class, storage_class);
        }
        if before.acl.is_some() {
            self.changed(key("acl"), &before.acl, acl);
        }
        for (name, before, after) in [
            ("cache_control", &before.cache_control, cache_control),
            ("content_disposition", &before.content_disposition, content_disposition),
            ("content_encoding", &before.content_encoding, content_encoding),
        ] {
            if before.is_some() {
                self.changed(key(name), before, after);
            }
        }
    }

    /// Names the list or the rule where that alone is wider, and both where they are only wider together.
    fn callers(&mut self, name: &str, before: &GrantSettings, after: &GrantSettings) {
        if after.audience().is_subset_of(&before.audience()) {
            return;
        }
        let key = |key: &str| format!("grants.{name}.{key}");
        match (&before.callers, &after.callers) {
            (Some(_), None) => self.add(key("callers"), "removed"),
            (Some(before), Some(after)) => self.extended(key("callers"), before, after),
            (None, _) => {}
        }
        let rules_only = |grant: &GrantSettings| GrantSettings { callers: None, ..grant.clone() }.audience();
        if !rules_only(after).is_subset_of(&rules_only(before)) {
            self.add(key("require"), "a rule removed or loosened");
        }
    }

    fn policy(&mut self, name: &str, before: &AccessRules, after: &AccessRules) {
        let of = |rules: &AccessRules| rules.settings.grants.get(name).map(|grant| grant.policy.clone());
        let texts = (before.policy_texts.get(name), after.policy_texts.get(name));
        match (of(before), of(after)) {
            (Some(PolicySource::File(_)), Some(PolicySource::File(_))) if texts.0 == texts.1 => {}
            (Some(PolicySource::Role), _)
            | (_, None)
            | (Some(PolicySource::Generated), Some(PolicySource::Generated)) => {}
            (_, Some(PolicySource::Role)) => {
                self.add(format!("grants.{name}.policy"), "now \"role\", which narrows nothing");
            }
            _ => self.add(format!("grants.{name}.policy"), "changed"),
        }
    }
}

fn is_within(dir: &str, outer: &str) -> bool {
    let parse = |text| Template::parse(text, Place::Directory).ok();
    parse(dir).zip(parse(outer)).is_some_and(|(dir, outer)| dir.is_within(&outer))
}
