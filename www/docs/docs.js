// SPDX-License-Identifier: Apache-2.0
// Shows the OpenAPI document of this server with Swagger UI. Everything comes from this server, and nothing is stored.
(() => {
  "use strict";
  const address = new URL(document.body.dataset.openapi, location.href);
  const problem = document.getElementById("problem");
  // What a page can show: a whole catalogue would block the browser.
  const SHOWN = 200000;

  // Light and dark as the system has it, also when that changes.
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const colour = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", colour);
  colour();

  /** The document, as the server sends it to this key; its server is the one that the page came from. */
  const load = async (key) => {
    const answer = await fetch(address, { headers: key ? { "x-api-key": key } : {}, credentials: "omit", cache: "no-cache" });
    if (!answer.ok) {
      throw new Error(answer.status === 401 ? "This API key is not valid." : `The server has answered ${answer.status} to ${address.pathname}.`);
    }
    const spec = await answer.json();
    const base = new URL(".", address).href.replace(/\/$/, "");
    const named = spec.servers[0].url;
    spec.servers = [{ url: base, description: spec.servers[0].description }];
    for (const scheme of Object.values(spec.components.securitySchemes)) {
      for (const flow of Object.values(scheme.flows ?? {})) {
        flow.tokenUrl = flow.tokenUrl.replace(named, base);
      }
    }
    return spec;
  };

  const show = async (key) => {
    problem.hidden = true;
    try {
      const spec = await load(key);
      document.title = spec.info.title;
      const ui = SwaggerUIBundle({
        spec,
        dom_id: "#docs",
        presets: [SwaggerUIBundle.presets.apis],
        layout: "BaseLayout",
        deepLinking: true,
        displayRequestDuration: true,
        docExpansion: "list",
        defaultModelsExpandDepth: 0,
        defaultModelExpandDepth: 3,
        filter: Object.keys(spec.paths).length > 15,
        persistAuthorization: false,
        syntaxHighlight: { activated: false },
        tryItOutEnabled: false,
        validatorUrl: null,
        withCredentials: false,
        responseInterceptor: (answer) => {
          if (typeof answer.text === "string" && answer.text.length > SHOWN) {
            answer.text = `${answer.text.slice(0, SHOWN)}\n… ${answer.text.length - SHOWN} more characters are not shown here.`;
            answer.data = answer.text;
          }
          return answer;
        },
        onComplete: () => {
          if (key) {
            ui.preauthorizeApiKey("apiKey", key);
          }
        },
      });
    } catch (e) {
      problem.textContent = e.message;
      problem.hidden = false;
    }
  };

  document.getElementById("key")?.addEventListener("submit", (event) => {
    event.preventDefault();
    show(document.getElementById("api-key").value.trim());
  });
  show("");
})();
