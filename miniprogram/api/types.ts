// Made from /openapi.json by scripts/miniprogram_types.py. Do not edit.

export interface AcceptInvitation {
  seat_id?: string | null;
}

export interface ActivationCodeOut {
  code: string;
  expires_at: string;
  link: string;
  request: BindingRequestOut | null;
}

export interface AddFavourite {
  seat_id: string;
}

export interface AgainOut {
  seat: ReservedSeat;
  date: string;
  start: string;
  end: string;
}

export interface AppealOut {
  text: string;
  at: string;
  settled_at: string | null;
  answer: string;
}

export interface ApplyForSeason {
  wishes: string[];
}

export interface AreaDayOut {
  date: string;
  area_id: string;
  area: string;
  venue: string;
  floor: number | null;
  seats: number;
  booked: number;
  checked_in: number;
  cancelled: number;
  no_show: number;
  away_expired: number;
  open_minutes: number;
  used_minutes: number;
  used_minutes_by_hour: number[];
}

export interface AreaOut {
  id: string;
  name: string;
  floor: number;
  seats_total: number;
  seats_free: number;
  seats_in_use: number;
  seats_away: number;
  seats_disabled: number;
  max_minutes: number;
  step_minutes: number;
  reserved_for?: string[];
  closed?: string;
  names?: Record<string, string>;
  floor_name?: string;
  floor_names?: Record<string, string>;
}

export interface AreaSummary {
  id: string;
  name: string;
  floor: number;
  venue: string;
  venue_names?: Record<string, string>;
  names?: Record<string, string>;
  floor_name?: string;
  floor_names?: Record<string, string>;
}

export interface AreasOut {
  items: AreaOut[];
}

export interface AskToSwap {
  thing: string;
}

export interface AssistedOut {
  kind: string;
  at: string;
  confirmed_at: string | null;
}

export interface BeginParty {
  seat_id: string;
  friends: string[];
  date: string;
  start: string;
  end: string;
  invited?: Record<string, string>;
}

export interface Bind {
  activation_code: string;
}

export interface BindingOut {
  reader: ReaderOut;
}

export interface BindingPreview {
  activation_code: string;
}

export interface BindingPreviewOut {
  name_masked: string;
  student_no_masked: string;
}

export interface BindingRequestOut {
  id: string;
  match_number: string;
  at: string;
  expires_at: string;
}

export interface BindingStateOut {
  state: "bound" | "expired" | "none" | "pending" | "refused";
  request: BindingRequestOut | null;
  reader: ReaderOut | null;
}

export interface BookForReader {
  student_no: string;
  seat_id: string;
  date: string;
  start: string;
  end: string;
  reason: string;
}

export interface BookRoom {
  room_id: string;
  date: string;
  start: string;
  end: string;
  purpose?: string;
}

export interface CalendarAddressOut {
  url: string;
  created_at: string;
}

export interface CalendarFeedOut {
  active: boolean;
  created_at: string | null;
}

export interface CardLogin {
  card: string;
}

export interface CatalogAreaOut {
  id: string;
  name: string;
  floor: number;
  seats: CatalogSeatOut[];
  names?: Record<string, string>;
  floor_name?: string;
  floor_names?: Record<string, string>;
}

export interface CatalogOut {
  version: string;
  venues: CatalogVenueOut[];
  features?: SeatFeatureOut[];
}

export interface CatalogSeatOut {
  id: string;
  no: string;
  label: string;
  power: boolean;
  window: boolean;
  computer: boolean;
  accessible: boolean;
  features?: string[];
}

export interface CatalogVenueOut {
  id: string;
  name: string;
  areas: CatalogAreaOut[];
  names?: Record<string, string>;
}

export interface ChangeBlock {
  room_id?: string | null;
  title?: string | null;
  date?: string | null;
  start?: string | null;
  end?: string | null;
  keeps_buffer?: boolean | null;
  following?: boolean;
  all: boolean;
}

export interface ChangeReservation {
  seat_id?: string | null;
  start?: string | null;
  end?: string | null;
}

export interface ChangeRoomBooking {
  room_id?: string | null;
  date?: string | null;
  start?: string | null;
  end?: string | null;
  purpose?: string | null;
}

export interface Choice {
  value: string;
  label: string;
}

export interface ChooseMail {
  kinds: Record<string, boolean>;
}

export interface ChosenLanguage {
  language: string;
}

export interface CodeSharingOut {
  reservation_id: string;
  reader: ReaderOut;
  kiosk: string;
  at: string;
  score: number;
  reasons: string[];
}

export interface ConfirmEmail {
  code: string;
}

export interface CreateReservation {
  seat_id: string;
  date: string;
  start: string;
  end: string;
}

export interface CurrentReaderOut {
  reader: ReaderOut | null;
  active: ReservationOut[];
  violations_count: number;
  suspended_until: string | null;
  suspension: SuspensionOut | null;
  subscriptions: Record<string, number>;
  long_term: string[];
  reminders_paused: boolean;
  language?: string | null;
}

export interface DateOut {
  date: string;
  label: string;
  bookable: boolean;
  opens_at: string | null;
  drawn_until: string | null;
  open: OpenOut | null;
  reason: string;
  filters?: string[];
}

export interface DecideAppeal {
  granted: boolean;
  answer: string;
}

export interface DeskOut {
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface DeskReportOut {
  reservation_id: string;
  seat: ReservedSeat;
  start: string;
  end: string;
  kind: string;
  at: string;
  deadline_stopped: boolean;
}

export interface EmailAddressOut {
  address: string | null;
  from_campus: boolean;
  undeliverable: boolean;
  pending: string | null;
  pending_until: string | null;
  kinds: MessageKind[];
}

export interface EmptySeatReportOut {
  asked: boolean;
}

export interface EndBlock {
  following?: boolean;
}

export interface EndsOut {
  ends: Choice[];
}

export interface ErrorBody {
  code: string;
  message: string;
  details: Record<string, unknown>;
}

export interface ErrorOut {
  error: ErrorBody;
}

export interface ExpectedOut {
  area_id: string;
  at: string;
  free: number;
  error: number;
}

export interface FaultReportOut {
  id: string;
  seat_id: string;
  kind: string;
  text: string;
  at: string;
}

export interface FavouritesOut {
  items: ReservedSeat[];
  again: AgainOut | null;
}

export interface ForecastOut {
  items: ExpectedOut[];
}

export interface FreeOut {
  name: string;
  floor: number;
  seats_free: number;
  names?: Record<string, string>;
  floor_name?: string;
  floor_names?: Record<string, string>;
  closed?: string;
  reserved_for?: string[];
}

export interface GateEventIn {
  id: string;
  student_no: string;
  direction: "in" | "out";
  method: "card" | "face";
  at: string;
}

export interface GateEvents {
  events: GateEventIn[];
  complete_until?: string | null;
}

export interface GateEventsOut {
  accepted: number;
  duplicates: number;
  rejected: RejectedOut[];
}

export interface GateRecordOut {
  id: string;
  gate: string;
  direction: string;
  method: string;
  at: string;
  effect: string;
}

export interface HistoryEntryOut {
  at: string;
  event: string;
  by: string;
  via: string;
}

export interface InReadersPlace {
  reason: string;
}

export interface InTheWayOut {
  id: string;
  kind: "block" | "booking";
  start: string;
  end: string;
  title: string;
}

export interface InvitationOut {
  seats: PartySeatOut[];
  date: string;
  start: string;
  end: string;
  until: string;
  ended: boolean;
}

export interface JoinWaitlist {
  area_id: string;
  date: string;
  start: string;
  end: string;
  seats?: string[];
  window?: boolean;
  power?: boolean;
  features?: string[];
  only_tell?: boolean;
}

export interface KeepingOut {
  reservations: number;
  messages: number;
  movements: number;
  feedback: number;
  audit: number;
  visitors: number;
}

export interface KioskCheckIn {
  reservation_id: string;
}

export interface KioskCodeOut {
  payload: string;
  svg: string;
  expires_at: string;
  step_seconds: number;
  kind: string;
  free: FreeOut[];
  language: string;
}

export interface LibraryOut {
  name: string;
  title: string;
  audience: string;
  contact: string[];
  keeping: KeepingOut;
  templates: TemplateOut[];
  review: boolean;
  rooms?: boolean;
  seasons?: boolean;
}

export interface LoginOut {
  token: string;
  expires_at: string;
  bound: boolean;
  reader: ReaderOut | null;
  scan_note: string | null;
}

export interface LossOut {
  thing: ThingOut;
  at: string;
  reason: LossReason;
}

export type LossReason = "cleared" | "given_up" | "taken_back" | "unused";

export interface MakeSeries {
  room_id: string;
  title: string;
  first: string;
  last: string;
  start: string;
  end: string;
  weekdays?: number[];
  but?: string[];
  keeps_buffer?: boolean;
  id: string;
  all: boolean;
}

export interface MarkOut {
  kind: string;
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface MarkRead {
  ids: string[];
}

export interface MessageKind {
  template: string;
  title: string;
  on: boolean;
}

export interface MessageOut {
  id: string;
  template: string;
  title: string;
  text: string;
  at: string;
  read: boolean;
  reservation_id: string | null;
  invitation?: string;
  room_booking_id?: string;
  season_id?: string;
}

export interface NearSeat {
  id: string;
  no: string;
  area_id: string;
  area: string;
  floor: number;
  venue: string;
  label: string;
  floor_name: string;
  labels: Record<string, string>;
  venue_names?: Record<string, string>;
  floor_names?: Record<string, string>;
  area_names?: Record<string, string>;
}

export interface NewActivationCode {
  renew?: boolean;
}

export interface NewAppeal {
  text: string;
}

export interface NoticeDetail {
  id: string;
  title: string;
  published_at: string;
  pinned: boolean;
  body_html: string;
}

export interface NoticeOut {
  id: string;
  title: string;
  published_at: string;
  pinned: boolean;
}

export interface OccupiedOut {
  start: string;
  end: string;
}

export interface OpenOut {
  from: string;
  to: string;
}

export interface OtherEnd {
  end: string;
}

export interface Page<T> {
  items: T[];
  page: number;
  page_size: number;
  total: number;
}

export interface PairingOut {
  secret: string;
  code: string;
  check_word: string;
  expires_at: string;
}

export interface PairingStateOut {
  code: string;
  check_word: string;
  expires_at: string;
  kiosk_id: string | null;
}

export interface PairingStateRequest {
  secret: string;
}

export interface PartyMadeOut {
  reservation: ReservationOut;
  party: PartyOut;
}

export interface PartyOut {
  seats: PartySeatOut[];
  date: string;
  start: string;
  end: string;
  until: string;
  ended: boolean;
  invitation: string;
}

export interface PartySeatOut {
  seat: ReservedSeat;
  held: boolean;
  accepted: boolean;
  named: boolean;
}

export interface PatrolOut {
  reservation_id: string;
  seat: ReservedSeat;
  start: string;
  end: string;
  at: string;
}

export interface PlanRoomOut {
  id: string;
  name: string;
  x: number;
  y: number;
  w: number;
  h: number;
  status: "closed" | "free" | "taken" | null;
  names?: Record<string, string>;
}

export interface PlannedDateOut {
  date: string;
  stored: boolean;
  block: string | null;
  error: string | null;
  in_the_way: InTheWayOut[];
}

export interface PreviewChange {
  room_id?: string | null;
  title?: string | null;
  date?: string | null;
  start?: string | null;
  end?: string | null;
  keeps_buffer?: boolean | null;
  following?: boolean;
}

export interface ProofOut {
  leaf: string;
  index: number;
  count: number;
  path: string[];
  root: string;
}

export interface ProposalOut {
  proposed: ProposedSeatOut | null;
  tomorrow: DateOut | null;
}

export interface ProposedSeatOut {
  seat: ReservedSeat;
  date: string;
  start: string;
  end: string;
  free_until: string | null;
  reason: "known" | "near" | "roomy";
  near: string | null;
  together?: boolean;
}

export interface PublicAreaOut {
  id: string;
  name: string;
  venue_id: string;
  venue: string;
  floor: number;
  state: "closed" | "open" | "over" | "reserved" | "to_come";
  seats_free: number | null;
  seats_total: number;
  opens_at: string | null;
  reason: string;
  venue_names?: Record<string, string>;
  names?: Record<string, string>;
  floor_name?: string;
  floor_names?: Record<string, string>;
}

export interface PublicOccupancyOut {
  at: string;
  items: PublicAreaOut[];
  language: string;
}

export interface ReaderOut {
  student_no_masked: string;
  name: string;
  kind: string;
}

export interface RejectedOut {
  id: string;
  code: string;
}

export interface ReportFault {
  kind: "chair" | "desk" | "lamp" | "other" | "socket";
  text?: string;
}

export interface ReportOut {
  reservation: ReservationOut;
  nearest: NearSeat[];
  deadline_stopped: boolean;
}

export interface ReportTaken {
  kind: "belongings" | "occupied";
  qr?: string | null;
}

export interface RequestEmailCode {
  address: string;
}

export interface ReservationDetail {
  id: string;
  rev: number;
  receipt: string;
  seat: ReservedSeat;
  date: string;
  start: string;
  end: string;
  state: "away" | "away_expired" | "cancelled" | "completed" | "finished" | "in_use" | "no_show" | "offer_expired" | "offered" | "reserved";
  state_text: string;
  created_at: string;
  checked_in_at: string | null;
  usable_from: string | null;
  left_at: string | null;
  return_by: string | null;
  returned_at: string | null;
  ended_at: string | null;
  check_in_from: string;
  check_in_until: string;
  check_in_by: "desk" | "gate" | "kiosk" | "kiosk_or_label" | "seat_label";
  excused: boolean;
  reported: boolean;
  assisted: AssistedOut | null;
  held_until: string | null;
  presence_wanted: boolean;
  presence_due_at: string | null;
  leave_minutes: number | null;
  extend_from: string | null;
  actions: string[];
  season_id?: string;
  history: HistoryEntryOut[];
  kiosks: string[];
  party?: boolean;
}

export interface ReservationOut {
  id: string;
  rev: number;
  receipt: string;
  seat: ReservedSeat;
  date: string;
  start: string;
  end: string;
  state: "away" | "away_expired" | "cancelled" | "completed" | "finished" | "in_use" | "no_show" | "offer_expired" | "offered" | "reserved";
  state_text: string;
  created_at: string;
  checked_in_at: string | null;
  usable_from: string | null;
  left_at: string | null;
  return_by: string | null;
  returned_at: string | null;
  ended_at: string | null;
  check_in_from: string;
  check_in_until: string;
  check_in_by: "desk" | "gate" | "kiosk" | "kiosk_or_label" | "seat_label";
  excused: boolean;
  reported: boolean;
  assisted: AssistedOut | null;
  held_until: string | null;
  presence_wanted: boolean;
  presence_due_at: string | null;
  leave_minutes: number | null;
  extend_from: string | null;
  actions: string[];
  season_id?: string;
}

export interface ReservedSeat {
  id: string;
  no: string;
  area_id: string;
  area: string;
  floor: number;
  venue: string;
  label: string;
  floor_name: string;
  labels: Record<string, string>;
  venue_names?: Record<string, string>;
  floor_names?: Record<string, string>;
  area_names?: Record<string, string>;
}

export interface RoomBlockOut {
  id: string;
  series: string;
  room_id: string;
  title: string;
  date: string;
  start: string;
  end: string;
  ended_at: string | null;
}

export interface RoomBlocksOut {
  items: RoomBlockOut[];
}

export interface RoomBookingDetail {
  room: RoomOut;
  date: string;
  start: string;
  end: string;
  state: "cancelled" | "completed" | "declined" | "finished" | "in_use" | "no_show" | "released" | "requested" | "reserved";
  people: number;
  confirm_by: string | null;
  takes_part: boolean;
  id: string;
  own: boolean;
  purpose: string;
  answer: string;
  invitation: string;
  answer_by: string | null;
  check_in_from: string;
  check_in_until: string;
  checked_in_at: string | null;
  ended_at: string | null;
  excused: boolean;
  history: HistoryEntryOut[];
}

export interface RoomBookingOut {
  room: RoomOut;
  date: string;
  start: string;
  end: string;
  state: "cancelled" | "completed" | "declined" | "finished" | "in_use" | "no_show" | "released" | "requested" | "reserved";
  people: number;
  confirm_by: string | null;
  takes_part: boolean;
  id: string;
  own: boolean;
  purpose: string;
  answer: string;
  invitation: string;
  answer_by: string | null;
  check_in_from: string;
  check_in_until: string;
  checked_in_at: string | null;
  ended_at: string | null;
  excused: boolean;
}

export interface RoomBookingsOut {
  items: RoomBookingOut[];
}

export interface RoomDayOut {
  room: RoomOut;
  rules: RoomRulesOut;
  open: TimeOut[];
  closed_reason: string;
  taken: TimeOut[];
  events: RoomEventOut[];
  reserved_for: string[];
}

export interface RoomEventOut {
  start: string;
  end: string;
  title: string;
}

export interface RoomInvitationOut {
  room: RoomOut;
  date: string;
  start: string;
  end: string;
  state: "cancelled" | "completed" | "declined" | "finished" | "in_use" | "no_show" | "released" | "requested" | "reserved";
  people: number;
  confirm_by: string | null;
  takes_part: boolean;
}

export interface RoomOut {
  id: string;
  name: string;
  names: Record<string, string>;
  venue_id: string;
  venue: string;
  floor: number;
  least: number;
  most: number;
  equipment: string[];
  check_in_by: "desk" | "kiosk" | "kiosk_or_label" | "seat_label";
  picture: RoomPictureOut | null;
}

export interface RoomPictureOut {
  path: string;
  width: number;
  height: number;
  alt: string;
}

export interface RoomRequestOut {
  room: RoomOut;
  date: string;
  start: string;
  end: string;
  state: "cancelled" | "completed" | "declined" | "finished" | "in_use" | "no_show" | "released" | "requested" | "reserved";
  people: number;
  confirm_by: string | null;
  takes_part: boolean;
  id: string;
  reader_id: string;
  purpose: string;
  text_check: "pass" | "review" | "risky" | "unchecked";
  answer: string;
  made_at: string;
  answer_by: string | null;
}

export interface RoomRequestsOut {
  items: RoomRequestOut[];
}

export interface RoomRulesOut {
  min_minutes: number;
  max_minutes: number;
  days_ahead: number;
  bookings_a_week: number;
  step_minutes: number;
  buffer_minutes: number;
  purpose_wanted: boolean;
  confirm_minutes: number | null;
  approval: boolean;
}

export interface RoomUseOut {
  date: string;
  room_id: string;
  room: string;
  venue: string;
  booked: number;
  checked_in: number;
  cancelled: number;
  declined: number;
  released: number;
  no_show: number;
  people: number;
  open_minutes: number;
  booked_minutes: number;
  used_minutes: number;
}

export interface RoomsOut {
  items: RoomDayOut[];
}

export interface Scan {
  qr: string;
}

export interface ScanNoteOut {
  note: string;
}

export interface ScanRequest {
  qr: string;
}

export interface SeasonApplicationOut {
  season_id: string;
  wishes: ThingOut[];
  salt: string;
  token: string;
  made_at: string;
  changed_at: string;
  weight: number | null;
  proof: ProofOut | null;
  rank: number | null;
  thing: ThingOut | null;
  lost: LossOut | null;
  from_day: string | null;
  unused: number;
  swap: ThingOut | null;
  offers: ThingOut[];
}

export interface SeasonAreaOut {
  id: string;
  label: string;
  seats: string[];
}

export interface SeasonDetail {
  id: string;
  title: string;
  kind: SeasonKind;
  stage: SeasonStage;
  first: string;
  last: string;
  start: string | null;
  end: string | null;
  come_by: string | null;
  unused_days: number;
  grace_days: number;
  gives: number;
  most_wishes: number;
  opens_at: string;
  closes_at: string;
  first_value: SourceOut;
  alternative_value: SourceOut;
  reveal_by: string;
  rule: string;
  rule_hash: string;
  commitment: string;
  applications: number;
  root: string | null;
  count: number | null;
  frozen_at: string | null;
  value: string | null;
  drawn_at: string | null;
  reason: string;
  given: ThingOut[];
  areas: SeasonAreaOut[];
  weight: number;
}

export type SeasonKind = "lockers" | "seats";

export interface SeasonOut {
  id: string;
  title: string;
  kind: SeasonKind;
  stage: SeasonStage;
  first: string;
  last: string;
  start: string | null;
  end: string | null;
  come_by: string | null;
  unused_days: number;
  grace_days: number;
  gives: number;
  most_wishes: number;
  opens_at: string;
  closes_at: string;
  first_value: SourceOut;
  alternative_value: SourceOut;
  reveal_by: string;
  rule: string;
  rule_hash: string;
  commitment: string;
  applications: number;
  root: string | null;
  count: number | null;
  frozen_at: string | null;
  value: string | null;
  drawn_at: string | null;
  reason: string;
}

export type SeasonStage = "aborted" | "announced" | "applying" | "closed" | "drawn" | "frozen" | "void";

export interface SeasonsOut {
  items: SeasonOut[];
}

export interface SeatDayOut {
  id: string;
  no: string;
  area_id: string;
  area: string;
  floor: number;
  venue: string;
  label: string;
  floor_name: string;
  labels: Record<string, string>;
  venue_names?: Record<string, string>;
  floor_names?: Record<string, string>;
  area_names?: Record<string, string>;
  power: boolean;
  window: boolean;
  computer: boolean;
  accessible: boolean;
  disabled: string | null;
  date: string;
  taken: OccupiedOut[];
  reserved_for?: string[];
  features?: string[];
}

export interface SeatEvent {
  id: string;
  status: "away" | "disabled" | "free" | "mine" | "occupied";
  free_until: string | null;
  next_free: string | null;
}

export interface SeatFeatureOut {
  id: string;
  names: Record<string, string>;
  icon: string;
}

export interface SeatMapOut {
  area: AreaSummary;
  width: number;
  height: number;
  seats: SeatOut[];
  marks: MarkOut[];
  desks: DeskOut[];
  faces: string;
  version: string;
  rooms?: PlanRoomOut[];
}

export interface SeatOut {
  id: string;
  no: string;
  x: number;
  y: number;
  status: "away" | "disabled" | "free" | "mine" | "occupied";
  free_until: string | null;
  next_free: string | null;
  power: boolean;
  window: boolean;
  computer: boolean;
  accessible: boolean;
  reserved_for?: string[];
  features?: string[];
}

export interface SeatsTogether {
  seating: string;
  seats: ReservedSeat[];
}

export interface SeriesOut {
  id: string;
  dates: PlannedDateOut[];
}

export interface SeriesRequest {
  room_id: string;
  title: string;
  first: string;
  last: string;
  start: string;
  end: string;
  weekdays?: number[];
  but?: string[];
  keeps_buffer?: boolean;
}

export interface SessionOut {
  id: string;
  kind: "kiosk" | "web" | "wx";
  name: string;
  opened_at: string;
  expires_at: string;
  current: boolean;
}

export interface SessionsOut {
  items: SessionOut[];
}

export interface SourceOut {
  text: string;
  at: string;
}

export interface StaffAppealOut {
  violation: ViolationOut;
  reader: ReaderOut;
  text_check: "pass" | "review" | "risky" | "unchecked";
}

export interface StaffReservationOut {
  id: string;
  receipt: string;
  seat: ReservedSeat;
  reader_id: string;
  date: string;
  start: string;
  end: string;
  state: "away" | "away_expired" | "cancelled" | "completed" | "finished" | "in_use" | "no_show" | "offer_expired" | "offered" | "reserved";
  created_at: string;
  checked_in_at: string | null;
  left_at: string | null;
  ended_at: string | null;
}

export interface StaffReservationsOut {
  items: StaffReservationOut[];
  next: string | null;
}

export interface StatisticsOut {
  from: string;
  to: string;
  days: AreaDayOut[];
  room_days: RoomUseOut[];
}

export interface Subscribe {
  results: Record<string, string>;
}

export interface SubscriptionsOut {
  subscriptions: Record<string, number>;
  long_term: string[];
}

export interface SuspensionOut {
  until: string | null;
  reason: string;
  violations: number | null;
  days: number | null;
}

export interface TemplateOut {
  message: string;
  id: string;
  long_term: boolean;
}

export interface ThingOut {
  id: string;
  label: string;
  size: string;
  place: string;
  row: number;
}

export interface TimeOut {
  start: string;
  end: string;
}

export interface TimesOut {
  starts?: Choice[];
  proposed?: string;
  ends?: Choice[];
  check_in_from?: string;
  check_in_until?: string;
  check_in_by?: "desk" | "gate" | "kiosk" | "kiosk_or_label" | "seat_label";
  together?: boolean;
}

export interface TogetherOut {
  most: number;
  items: SeatsTogether[];
}

export interface TouchOut {
  token: string;
  expires_at: string;
  idle_seconds: number;
  reader: ReaderOut;
  active: ReservationOut[];
}

export interface VenueOut {
  id: string;
  name: string;
  open: OpenOut | null;
  dates: DateOut[];
  names?: Record<string, string>;
}

export interface VenuesOut {
  items: VenueOut[];
  features?: SeatFeatureOut[];
}

export interface ViolationOut {
  id: string;
  kind: "away_timeout" | "no_show";
  at: string;
  counted: boolean;
  reservation: ReservationOut;
  waived: boolean;
  waiver: WaiverOut | null;
  appeal: AppealOut | null;
}

export interface ViolationsOut {
  items: ViolationOut[];
  page: number;
  page_size: number;
  total: number;
  window: WindowOut;
}

export interface WaitlistEntryOut {
  id: string;
  area_id: string;
  area: string;
  seats: string[];
  date: string;
  start: string;
  end: string;
  state: string;
  ahead: number | null;
  only_tell: boolean;
  made_at: string;
  offer: ReservationOut | null;
  place: AreaSummary | null;
}

export interface Waive {
  reason: string;
}

export interface WaiveAll {
  reason: string;
  from: string;
  to: string;
}

export interface WaivedOut {
  waived: number;
}

export interface WaiverOut {
  reason: string;
  at: string;
}

export interface WindowOut {
  count: number;
  limit: number;
  days: number;
}

export interface WxLogin {
  code: string;
  scan_note?: string | null;
}
