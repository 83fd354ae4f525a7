// Links in a notice: rich-text shows them and takes no taps, so they stand below it.

import { baseUrl } from "./school";

export interface Link { text: string; address: string; page: string }

const LINK = /<a\b[^>]*?\shref="([^"]*)"[^>]*>(.*?)<\/a>/gs;
const ENTITIES: Readonly<Record<string, string>> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&#34;": "\"", "&quot;": "\"", "&#39;": "'", "&#x27;": "'" };

function plain(html: string): string {
  return html.replace(/<[^>]*>/g, "").replace(/&(?:amp|lt|gt|quot|#34|#39|#x27);/g, (found) => ENTITIES[found] ?? found);
}

/** The page of this program that shows the same; empty where none does. */
function pageOf(address: string): string {
  const path = address.startsWith(baseUrl()) ? address.slice(baseUrl().length) : address;
  if (!path.startsWith("/") && path !== "") return "";
  const [, kind = "", id = ""] = /^\/(notices|areas)\/([\w-]+)/.exec(path) ?? [];
  if (kind === "notices") return `/pages/notices/notice?id=${id}`;
  if (kind === "areas") return `/pages/plan/plan?area=${id}`;
  if (/^\/notices\/?$/.test(path)) return "/pages/notices/notices";
  return path === "/" || path === "" ? "/pages/seats/seats" : "";
}

/** They look like the words around them in the dark as well, and are underlined. */
export function quiet(html: string): string {
  return html.replace(/<a\b/g, '<a style="color: inherit"');
}

export function linksIn(html: string): Link[] {
  return [...html.matchAll(LINK)].map(([, href = "", inner = ""]) => {
    const given = plain(href);
    return { text: plain(inner) || given, address: given.startsWith("/") ? baseUrl() + given : given, page: pageOf(given) };
  });
}
