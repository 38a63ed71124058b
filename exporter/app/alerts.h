// Alertmanager's webhook: from the request to durable jobs and an answer.
#pragma once

#include "exporter/app/runtime.h"
#include "exporter/http/server.h"

namespace warden::app {

inline constexpr std::string_view kWebhookPath = "/api/v1/alerts/webhook";

// Ends a request without the configured bearer token: 401; 503 if the token file cannot be read, so
// that Alertmanager tries again; 404 if no receiver is configured. nullopt lets it pass.
std::optional<http::Response> AuthenticateWebhook(Runtime& runtime, const http::Request& request);

// 202 once every job that the notification asks for is on disk, 200 if it asks for none; 400 or 413
// for what can never work; 503 if a job could not be stored, upon which Alertmanager sends it
// again; 404 if no receiver is configured. Alertmanager repeats nothing that was answered with 4xx.
http::Response ReceiveAlerts(Runtime& runtime, const http::Request& request);

}  // namespace warden::app
