// A season: its rule, the reader's application for it, and what the draw has given them.

import { Refused, drop, get, open, post, tap } from "../../api/client";
import type { ApplyForSeason, AskToSwap, SeasonApplicationOut, SeasonDetail, SeatMapOut, ThingOut } from "../../api/types";
import { agreed, copy } from "../../lib/ask";
import { LOADING, attempt, beside, oneTap } from "../../lib/attempt";
import { dayAt, now } from "../../lib/clock";
import { type Drawing, type Tile, cardPx, changed, drawingOf } from "../../lib/plan";
import { poll, still } from "../../lib/polling";
import { baseUrl } from "../../lib/school";
import { ANY, type FrontRow, frontsOf, hasTurned, matching, nextTurn, placesOf, rulesOf, wishTiles } from "../../lib/seasons";
import { type Text, named, t, words } from "../../lib/texts";

/** So many of the things are shown at once; the others are searched for. */
const SHOWN = 12;
/** The height of the plan; of a small screen it takes this part, and a finger beside it moves the page. */
const PLAN_PX = 420;
const PLAN_PART = 0.6;

/** A wish of the form, with what its buttons are called. */
interface WishLine { id: string; label: string; about: string; earlier: string; remove: string }
/** What others offer the reader for what they have. */
interface Offer { id: string; label: string; text: string }
/** The reader's application. `result`, `rank`: of the draw; `lost`: what they had; `out`: it was left out of the list. */
interface Own {
  wishes: ThingOut[]; salt: string; result: string; rank: string; out: boolean; proof: string;
  holds: string; lost: string; unused: string; from: string; swap: string; offers: Offer[];
}

const wishOf = ({ id, label, size, place }: ThingOut): WishLine => ({
  id, label, about: [size, place].filter(Boolean).join(" · "), earlier: t("season_earlier", { thing: label }), remove: t("season_remove", { thing: label }),
});

function ownOf(own: SeasonApplicationOut, { count }: SeasonDetail): Own {
  const { wishes, salt, rank, thing, weight, proof, lost, unused, from_day: day, swap, offers } = own;
  const waits = lost ? "" : t("season_waits");
  const result = thing ? t("season_got", { thing: thing.label }) : waits;
  return {
    holds: thing ? thing.id : "",
    lost: lost ? t("season_lost", { thing: lost.thing.label, why: named("season_loss", lost.reason), at: lost.at }) : "",
    unused: unused ? t("season_unused", { n: unused }) : "",
    from: day ? t("season_from_day", { day }) : "",
    swap: swap ? t("season_swap_waits", { thing: swap.label }) : "",
    offers: offers.map(({ id, label }) => ({ id, label, text: t("season_asked", { thing: label }) })),
    wishes,
    salt,
    result: rank === null ? "" : result,
    rank: rank === null ? "" : t("season_rank", { rank, count }),
    out: weight === 0,
    proof: proof ? t("season_proof", { index: proof.index + 1, count: proof.count, weight }) : "",
  };
}

/** What is published of the list and its draw. `value`: a fingerprint, empty where the text says it all. */
function publishedOf(s: SeasonDetail): { text: string; value: string }[] {
  return [
    { text: t("season_rule_hash"), value: s.rule_hash },
    { text: t("season_commitment"), value: s.commitment },
    ...(s.root === null ? [] : [{ text: t("season_root", { count: s.count, at: s.frozen_at }), value: s.root }]),
    ...(s.drawn_at === null ? [] : [{ text: t("season_drawn", { at: s.drawn_at, value: s.value }), value: "" }]),
  ];
}

Component({
  data: {
    ...LOADING,
    words: {} as Record<string, string>,
    id: "",
    title: "",
    stage: "",
    reason: "",
    rules: [] as string[],
    /** The weight of an application that the reader makes now, or why they cannot make one. */
    weight: "",
    barred: "",
    own: null as Own | null,
    withdraws: false,
    applies: false,
    published: [] as ReturnType<typeof publishedOf>,
    rule: "",
    ruleShown: false,
    /** The page on which everybody can verify the draw. */
    address: "",

    /** Of the form; `edited`: it differs from the application, and stays as it is. */
    wishes: [] as WishLine[],
    any: false,
    edited: false,
    most: 0,
    hint: "",
    planHint: "",
    full: "",
    /** The areas on whose plans wishes are chosen, or the places of lockers, and the one that is shown, with its plan or its lockers. `list`: the reader looks at the list instead. */
    plans: [] as { id: string; label: string }[],
    area: "",
    list: false,
    high: 0,
    map: null as SeatMapOut | null,
    drawing: null as Drawing | null,
    seats: [] as Tile[],
    lockers: false,
    fronts: [] as FrontRow[],
    /** All that the season gives, and what is shown of it. */
    given: [] as ThingOut[],
    looks: false,
    /** The reader looks for what they would like to have instead. */
    swaps: false,
    searches: false,
    wanted: "",
    found: [] as ThingOut[],
    others: "",

    done: "",
    refused: "",
    busy: false,
    key: "",
    /** When applications open or close next. */
    turn: 0,
    timer: 0,
  },
  methods: {
    onLoad(query: Record<string, string | undefined>) {
      wx.setNavigationBarTitle({ title: t("seasons_page") });
      const { id = "" } = query;
      this.setData({
        words: words(
          "season_own", "season_receipt", "season_receipt_why", "season_copy", "season_left_out", "season_withdraw", "season_apply", "season_change",
          "season_any", "season_given", "season_search", "season_no_match", "season_send", "season_save", "season_published", "season_rule",
          "season_verify", "bind_copy", "season_agree", "season_swap", "season_swap_hint", "season_no_swap", "season_give_up",
          "plan", "list", "season_fronts",
        ),
        high: Math.min(PLAN_PX, wx.getWindowInfo().windowHeight * PLAN_PART),
        id, address: `${baseUrl()}/seasons/${id}`, key: tap(),
      });
    },
    onShow() {
      if (!this.data.busy) void this.look();
      poll(this, () => { if (hasTurned(this.data.turn) && !this.data.busy) void this.look(); });
    },
    onHide() {
      still(this);
    },
    onUnload() {
      still(this);
    },
    async onPullDownRefresh() {
      await this.look();
      wx.stopPullDownRefresh();
    },
    /** Anew: what was said of the last tap is over. */
    look() {
      this.setData({ refused: "", done: "" });
      return this.load();
    },
    load() {
      return attempt(this, async () => {
        const [s, own] = await Promise.all([get<SeasonDetail>(`/seasons/${this.data.id}`), this.application()]);
        const applying = s.stage === "applying";
        const looks = applying || s.stage === "announced";
        this.data.given = s.given;
        this.data.turn = nextTurn(s);
        this.setData({
          title: s.title,
          stage: named("season_stage", s.stage),
          reason: s.reason ? t("season_reason", { reason: s.reason }) : "",
          rules: rulesOf(s),
          weight: looks && s.weight ? t("season_weight", { weight: s.weight }) : "",
          barred: looks && !s.weight ? t("season_may_not") : "",
          own: own && ownOf(own, s),
          withdraws: applying && own !== null,
          applies: applying && s.weight > 0,
          published: publishedOf(s),
          rule: s.rule,
          most: s.most_wishes,
          hint: t("season_hint", { most: s.most_wishes }),
          lockers: s.kind === "lockers",
          planHint: t(s.kind === "lockers" ? "season_fronts_hint" : "season_plan_hint", { most: s.most_wishes }),
          looks,
          searches: s.given.length > SHOWN,
        });
        if (!this.data.edited) {
          const wished = own ? own.wishes : [];
          const any = own ? wished.some(({ id }) => id === ANY) : s.most_wishes > 1;
          this.choose(wished.filter(({ id }) => id !== ANY).map(wishOf), any);
        }
        // An older service names no areas.
        const { areas = [] } = s;
        const places = this.data.lockers ? placesOf(s.given).map((place) => ({ id: place, label: place || t("season_elsewhere") })) : areas.map(({ id, label }) => ({ id, label }));
        const plans = this.data.applies ? places : [];
        this.setData({ plans });
        const wish = this.data.wishes[0]?.id ?? "";
        const first = this.data.lockers ? s.given.find(({ id }) => id === wish)?.place : areas.find(({ seats }) => seats.includes(wish))?.id;
        if (plans.length && !this.data.area && !this.data.fronts.length) void this.show(first ?? plans[0]!.id);
      });
    },
    /** The plan of that area, with its first wish in the middle, or else what the season gives there. Without it there is the list. */
    async show(area: string) {
      this.setData({ area, drawing: null });
      if (this.data.lockers) {
        this.number();
        return;
      }
      const map = await beside<SeatMapOut | null>(get(`/areas/${area}/map?date=${dayAt(now())}`), null);
      if (this.data.area !== area) return; // another one was chosen meanwhile
      if (map === null) {
        this.setData({ list: true });
        wx.showToast({ title: t("season_no_plan"), icon: "none" });
        return;
      }
      this.data.map = map; // for the next wish, without handing it to the screen
      this.number();
      const { wishes, given, high } = this.data;
      const first = wishes.find(({ id }) => map.seats.some((seat) => seat.id === id));
      const around = first ? [first] : given;
      this.setData({ drawing: drawingOf(map, cardPx(), high, around.map(({ id }) => id)) });
    },
    showArea(event: WechatMiniprogram.TouchEvent) {
      void this.show(String(event.currentTarget.dataset.id));
    },
    other() {
      const { list, drawing, area } = this.data;
      this.setData({ list: !list });
      if (list && !drawing) void this.show(area);
    },
    /** The wishes on the plan. */
    number() {
      const { map, given, seats, wishes, lockers, area, plans } = this.data;
      if (lockers && plans.length) this.setData({ fronts: frontsOf(given, area, wishes.map(({ id }) => id)) });
      if (map) this.setData(changed(seats, wishTiles(map, given, wishes.map(({ id }) => id))));
    },
    /** The reader's application; null where there is none. Raises: Refused. */
    async application(): Promise<SeasonApplicationOut | null> {
      try {
        return await get<SeasonApplicationOut>(`/seasons/${this.data.id}/application`);
      } catch (error) {
        if (!(error instanceof Refused) || error.code !== "not_found") throw error;
        return null;
      }
    },
    choose(wishes: WishLine[], any: boolean) {
      const { most } = this.data;
      const full = wishes.length + Number(any) >= most;
      this.setData({ wishes, any, full: full ? t("season_full", { most }) : "" });
      this.filter();
      this.number();
    },
    /** The same by the reader's hand: another application than the one that was sent. */
    edit(wishes: WishLine[], any: boolean) {
      if (this.data.busy) return;
      this.setData({ edited: true, refused: "", done: "", key: tap() });
      this.choose(wishes, any);
    },
    search(event: WechatMiniprogram.Input) {
      this.setData({ wanted: event.detail.value });
      this.filter();
    },
    filter() {
      const { given, wanted, wishes, own, swaps } = this.data;
      const chosen = new Set(swaps ? [own ? own.holds : ""] : wishes.map(({ id }) => id));
      const found = matching(given, wanted).filter(({ id }) => !chosen.has(id));
      this.setData({ found: found.slice(0, SHOWN), others: found.length > SHOWN ? t("season_others", { n: found.length - SHOWN }) : "" });
    },
    /** Takes a thing in as the last wish, or leaves it out. */
    toggle(event: WechatMiniprogram.TouchEvent) {
      this.wish(String(event.currentTarget.dataset.id));
    },
    pick(event: WechatMiniprogram.CustomEvent<{ id: string }>) {
      this.wish(event.detail.id);
    },
    wish(id: string) {
      const { given, wishes, any, full } = this.data;
      const others = wishes.filter((wish) => wish.id !== id);
      const thing = given.find((one) => one.id === id);
      if (others.length < wishes.length) this.edit(others, any);
      else if (thing && full) wx.showToast({ title: full, icon: "none" });
      else if (thing) this.edit([...wishes, wishOf(thing)], any);
    },
    earlier(event: WechatMiniprogram.TouchEvent) {
      const n = Number(event.currentTarget.dataset.n);
      const wishes = [...this.data.wishes];
      wishes.splice(n - 1, 0, ...wishes.splice(n, 1));
      this.edit(wishes, this.data.any);
    },
    toggleAny() {
      const { wishes, any, full } = this.data;
      if (any || !full) this.edit(wishes, !any);
    },
    /** What is refused keeps the wishes; the key makes one of what is sent again. */
    async send() {
      const { id, wishes, any, key } = this.data;
      const body: ApplyForSeason = { wishes: [...wishes.map((wish) => wish.id), ...(any ? [ANY] : [])] };
      if (!body.wishes.length) {
        this.setData({ refused: t("season_no_wish") });
        return;
      }
      await this.only(async () => {
        await post<SeasonApplicationOut>(`/seasons/${id}/application`, body, key);
        await this.changed(t("season_applied"));
      });
    },
    withdraw() {
      return this.only(async () => {
        if (!(await agreed(t("season_ask_withdraw")))) return;
        try {
          await drop(`/seasons/${this.data.id}/application`);
        } catch (error) {
          // It is gone already where the answer to an earlier tap was lost.
          if (!(error instanceof Refused) || error.code !== "not_found") throw error;
        }
        await this.changed(t("season_withdrawn"));
      });
    },
    giveUp() {
      return this.only(async () => {
        if (!(await agreed(t("season_ask_give_up")))) return;
        await drop(`/seasons/${this.data.id}/holding`);
        await this.changed(t("season_given_up"));
      });
    },
    lookForSwap() {
      this.setData({ swaps: !this.data.swaps, wanted: "" });
      this.filter();
    },
    askToSwap(event: WechatMiniprogram.TouchEvent) {
      const thing = this.data.found.find(({ id }) => id === event.currentTarget.dataset.id);
      return this.swap(thing, "", "season_ask_swap", "season_swap_sent");
    },
    acceptSwap(event: WechatMiniprogram.TouchEvent) {
      const offer = this.data.own?.offers.find(({ id }) => id === event.currentTarget.dataset.id);
      return this.swap(offer, "/accept", "season_ask_agree", "season_swapped");
    },
    swap(thing: { id: string; label: string } | undefined, step: string, question: Text, done: Text) {
      return this.only(async () => {
        if (!thing || !(await agreed(t(question, { thing: thing.label })))) return;
        const body: AskToSwap = { thing: thing.id };
        await post<SeasonApplicationOut>(`/seasons/${this.data.id}/swap${step}`, body, this.data.key);
        await this.changed(t(done));
      });
    },
    withdrawSwap() {
      return this.only(async () => {
        await drop(`/seasons/${this.data.id}/swap`);
        await this.changed(t("season_swap_over"));
      });
    },
    async changed(done: string) {
      this.setData({ done, edited: false, swaps: false, wanted: "", key: tap() });
      await this.load();
      wx.pageScrollTo({ scrollTop: 0 });
    },
    only(work: () => Promise<void>) {
      return oneTap(this, work, async (refusal) => {
        // Only what is refused for certain makes the next tap another one.
        if (open(refusal)) return;
        this.setData({ edited: true, key: tap() });
        await this.load();
      });
    },
    copyReceipt() {
      const { own } = this.data;
      if (own) copy(own.salt, "season_copied", "season_copy_failed");
    },
    copyAddress() {
      copy(this.data.address);
    },
    showRule() {
      this.setData({ ruleShown: !this.data.ruleShown });
    },
  },
});
