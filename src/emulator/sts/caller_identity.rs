use serde_json::{Value, json};

use super::super::account::Identity;

/// Answers `GetCallerIdentity`, which needs no permission.
pub(super) fn caller_identity(identity: &Identity) -> Value {
    match identity {
        Identity::Anonymous => json!({}),
        Identity::User(user) => json!({
            "AccountId": user.user.account_id,
            "Arn": user.user.arn(),
            "IdentityType": if user.user.root { "Account" } else { "RAMUser" },
            "PrincipalId": user.id,
            "UserId": user.id,
        }),
        Identity::Session(session) => json!({
            "AccountId": session.role.role.account_id,
            "Arn": session.arn(),
            "IdentityType": "AssumedRoleUser",
            "PrincipalId": format!("{}:{}", session.role.id, session.name),
            "RoleId": session.role.id,
        }),
    }
}
