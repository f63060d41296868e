//! The OpenAPI document says what the routes, the tables of the pages and the running server say. What answers look like is
//! held by `tests/openapi`.

use std::collections::{BTreeMap, BTreeSet};

use oss_vend::api::openapi::document;
use oss_vend::metrics::Route;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::pages::page;
use super::support::{RunningDev, http};

/// Paths that are no part of the contract, and all that are not ours.
const LEFT_OUT: [Route; 2] = [Route::Module, Route::Other];

fn paths() -> BTreeMap<String, Value> {
    document()["paths"].as_object().unwrap().clone().into_iter().collect()
}

fn names(parameters: &Value) -> BTreeSet<String> {
    parameters
        .as_array()
        .into_iter()
        .flatten()
        .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
        .collect()
}

/// The names in the bodies that an operation takes.
fn body(operation: &Value) -> BTreeSet<String> {
    let (document, schema) = (document(), &operation["requestBody"]["content"]["application/json"]["schema"]);
    let choices = schema["oneOf"].as_array().cloned().unwrap_or_else(|| vec![schema.clone()]);
    let schemas = choices.iter().filter_map(|choice| choice["$ref"].as_str()?.rsplit('/').next().map(str::to_owned));
    let properties = schemas.map(|name| document["components"]["schemas"][name]["properties"].clone());
    properties.flat_map(|all| all.as_object().unwrap().keys().cloned().collect::<Vec<_>>()).collect()
}

/// What stands in backticks at the start of the rows below the heading of `route`.
fn table(route: &str) -> BTreeSet<String> {
    let text = page("docs/api.md").text;
    let section = text.split(&format!("\n## `{route}`\n")).nth(1).unwrap_or_default().split("\n## ").next().unwrap();
    section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).map(str::to_owned).collect()
}

#[test]
fn every_route_is_in_the_document_and_on_the_page() {
    let routes = Route::ALL.into_iter().filter(|route| !LEFT_OUT.contains(route)).map(Route::label);
    let routes: BTreeSet<_> = routes.map(str::to_owned).collect();
    assert_eq!(paths().into_keys().collect::<BTreeSet<_>>(), routes);
    let text = page("docs/api.md").text;
    for route in routes {
        assert!(text.contains(&format!("`{route}`")), "docs/api.md does not tell of {route}");
    }
}

#[tokio::test]
async fn every_route_knows_the_parameters_of_the_document_and_of_the_page() {
    let dev = RunningDev::start().await;
    for (path, item) in paths() {
        let get = names(&item["get"]["parameters"]);
        if get.is_empty() {
            assert!(table(&path).is_empty() && body(&item["post"]).is_empty(), "{path}");
            continue;
        }
        let problem = dev.json(&format!("{path}?no-such-parameter=")).await;
        let known = problem["hint"].as_str().unwrap().strip_prefix("this route knows ").unwrap().to_owned();
        let known: BTreeSet<_> = known.split(", ").map(str::to_owned).collect();
        let in_query: BTreeSet<_> = known.iter().filter(|name| *name != "items").cloned().collect();
        assert_eq!(get, in_query, "GET {path}");
        if item["post"].is_object() {
            assert_eq!(body(&item["post"]), known, "POST {path}");
            assert_eq!(table(&path), known, "{path}");
        }
    }
}

#[test]
fn every_problem_of_the_page_stands_with_its_status_and_no_other() {
    let (document, mut told) = (document(), BTreeSet::new());
    for response in document["components"]["responses"].as_object().unwrap().values() {
        let members = &response["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"];
        for code in members["code"]["enum"].as_array().unwrap() {
            told.insert((code.as_str().unwrap().to_owned(), members["status"]["const"].to_string()));
        }
    }
    let text = page("docs/problems.md").text;
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let rows = rows.map(|(code, rest)| (code.to_owned(), rest.split(" |").next().unwrap().to_owned()));
    assert_eq!(told, rows.collect());
}

#[tokio::test]
async fn the_methods_of_the_document_are_taken_and_no_others() {
    let dev = RunningDev::start().await;
    for (path, item) in paths() {
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let answer = http().request(method.clone(), dev.url(&path)).send().await.unwrap();
            let taken = item[method.as_str().to_lowercase()].is_object();
            assert_eq!(answer.status() != StatusCode::METHOD_NOT_ALLOWED, taken, "{method} {path}");
            assert!(taken || answer.headers().contains_key("allow"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_document_is_served_once_and_then_known_by_its_tag() {
    let dev = RunningDev::start().await;
    let first = http().get(dev.url("/openapi.json")).send().await.unwrap();
    assert_eq!(first.headers()["content-type"], "application/json; charset=utf-8");
    let tag = first.headers()["etag"].clone();
    assert_eq!(serde_json::from_str::<Value>(&first.text().await.unwrap()).unwrap(), document());
    let again = http().get(dev.url("/openapi.json")).header("if-none-match", &tag).send().await.unwrap();
    assert_eq!((again.status(), &again.headers()["etag"]), (StatusCode::NOT_MODIFIED, &tag));
}
