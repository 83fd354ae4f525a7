// The address of the service: the program's own, or that of the school which the reader has chosen.

import { BASE_URL, SCHOOLS_URL } from "../config";

const PLACE = "school";

export interface ChosenSchool { name: string; url: string }

/** Null without a choice, and where there is none to make. */
export function chosenSchool(): ChosenSchool | null {
  return SCHOOLS_URL ? (wx.getStorageSync(PLACE) as ChosenSchool | "") || null : null;
}

export function keepSchool(school: ChosenSchool): void {
  wx.setStorageSync(PLACE, school);
}

/** Empty until a school is chosen. */
export function baseUrl(): string {
  return SCHOOLS_URL ? chosenSchool()?.url ?? "" : BASE_URL;
}
