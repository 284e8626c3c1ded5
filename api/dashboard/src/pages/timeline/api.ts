/** A stretch of time, as `/v1/timeline` answers. */
export type {
  AlertSpan,
  Condition,
  Lane,
  Moment,
  Span as ConditionSpan,
  TimelineView,
} from "@/api/openapi";
