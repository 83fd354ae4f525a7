// WeChat's dialogues as promises. None of them fails: a reader who closes one has thought better of it.

import { Refused } from "../api/client";
import type { Text } from "./texts";
import { t } from "./texts";

export function agreed(content: string): Promise<boolean> {
  return new Promise((resolve) => {
    wx.showModal({
      content,
      confirmText: t("yes"),
      cancelText: t("no"),
      success: (answer) => { resolve(answer.confirm); },
      fail: () => { resolve(false); },
    });
  });
}

/** Says it until the reader has read it. */
export function shown(content: string): Promise<void> {
  return new Promise((resolve) => {
    wx.showModal({ content, showCancel: false, confirmText: t("close"), complete: () => { resolve(); } });
  });
}

/** What the reader writes; empty where they close it. `draft` is there to go on with. */
export function written(title: string, hint: string, draft = ""): Promise<string> {
  return new Promise((resolve) => {
    wx.showModal({
      title,
      content: draft,
      editable: true,
      placeholderText: hint,
      confirmText: t("yes"),
      cancelText: t("no"),
      success: (answer) => { resolve(answer.confirm ? (answer.content ?? "").trim() : ""); },
      fail: () => { resolve(""); },
    });
  });
}

/** WeChat shows no more at once. */
const MOST_CHOICES = 6;

/** The place of the chosen one; -1 for none. */
export async function chosen(choices: string[], from = 0): Promise<number> {
  const rest = choices.slice(from);
  const shown = rest.length > MOST_CHOICES ? [...rest.slice(0, MOST_CHOICES - 1), t("more_choices")] : rest;
  const place = await new Promise<number>((resolve) => {
    wx.showActionSheet({ itemList: shown, success: (answer) => { resolve(answer.tapIndex); }, fail: () => { resolve(-1); } });
  });
  if (shown.length < rest.length && place === MOST_CHOICES - 1) return chosen(choices, from + MOST_CHOICES - 1);
  return place < 0 ? -1 : from + place;
}

/** Whether WeChat refuses because the reader has not agreed to the privacy guide (104), or the guide does not name it (112). */
function isPrivate(error: WechatMiniprogram.GeneralCallbackResult & { errno?: number }): boolean {
  return error.errno === 104 || error.errno === 112 || /privacy/.test(error.errMsg);
}

/** Says why, and where the guide can be read and agreed to. */
async function explain(instead: string): Promise<void> {
  if (await agreed(t("privacy_refused", { instead }))) wx.navigateTo({ url: "/pages/privacy/privacy" });
}

/** The guide that the library has given WeChat; where it is agreed to as well. */
export function openGuide(): void {
  const say = (text: Text): void => { wx.showToast({ title: t(text), icon: "none" }); };
  if (!wx.canIUse("openPrivacyContract")) return say("privacy_old_wechat");
  wx.openPrivacyContract({ fail: () => { say("privacy_no_guide"); } });
}

/** The reader's agreement to that guide, for which WeChat asks where it has none yet. Raises: Refused. */
export function agreedToGuide(): Promise<void> {
  if (!wx.canIUse("requirePrivacyAuthorize")) return Promise.resolve();
  return new Promise((resolve, reject) => {
    wx.requirePrivacyAuthorize({
      success: () => { resolve(); },
      fail: (error) => {
        if (isPrivate(error)) reject(new Refused(0, "privacy", t("privacy_refused_bind")));
        else resolve(); // no guide to agree to: the box on the page is what there is
      },
    });
  });
}

/** Puts an address, or what these words speak of, where another program can take it from. */
export function copy(data: string, done: Text = "bind_copied", failed: Text = "bind_copy_failed"): void {
  wx.setClipboardData({
    data,
    success: () => { wx.showToast({ title: t(done) }); },
    fail: (error) => {
      if (isPrivate(error)) void explain(t(failed));
      else wx.showToast({ title: t(failed), icon: "none" });
    },
  });
}

/** Puts a booking into the phone's calendar, with an alarm at its start; WeChat asks whether it may. */
export function intoCalendar(title: string, location: string, { start, end }: { start: string; end: string }, description: string): void {
  wx.addPhoneCalendar({
    title,
    startTime: Date.parse(start) / 1000,
    endTime: String(Date.parse(end) / 1000),
    location,
    description,
    success: () => { wx.showToast({ title: t("calendar_added") }); },
    fail: (error) => {
      if (/cancel/.test(error.errMsg)) return;
      if (isPrivate(error)) void explain(t("calendar_add"));
      else void shown(t("calendar_failed"));
    },
  });
}

/** The text of a code before the camera; empty where the reader closes it. Raises: Refused, with those words where the
 * camera finds none. */
export function scanned(failed: string): Promise<string> {
  return new Promise((resolve, reject) => {
    wx.scanCode({
      onlyFromCamera: true,
      scanType: ["qrCode"],
      success: (found) => { resolve(found.result); },
      fail: (error) => {
        if (/cancel/.test(error.errMsg)) resolve("");
        else if (isPrivate(error)) reject(new Refused(0, "privacy", t("privacy_refused_scan")));
        else reject(new Refused(0, "not_scanned", failed));
      },
    });
  });
}
