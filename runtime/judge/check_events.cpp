// The events of one check of the model.
#include "runtime/judge/check_events.h"

#include <algorithm>
#include <cmath>

#include "runtime/judge/wording.h"
#include "runtime/model/event.h"

namespace gala {
namespace {

constexpr std::uint64_t forgiveness = 10;

std::vector<std::unique_ptr<wire::LabelT>> labels_of(const TableView& table, std::size_t row) {
  std::vector<std::unique_ptr<wire::LabelT>> labels;
  for (const ColumnView& column : table.columns()) {
    const bool describes =
        column.role() == wire::ColumnRole::key || column.role() == wire::ColumnRole::label;
    if (describes && column.name() != "entity_id") {
      auto label = std::make_unique<wire::LabelT>();
      label->name = column.name();
      label->value = column.as_text(row);
      labels.push_back(std::move(label));
    }
  }
  return labels;
}

}  // namespace

std::unique_ptr<wire::EventT> CheckEvents::begin(const Alarm& alarm, WallTime began,
                                                 const MessageView& message,
                                                 const JudgedRow& row) const {
  auto event = std::make_unique<wire::EventT>();
  event->event_id = event_id(began, row.entity_id, metric_.name);
  event->entity_id = row.entity_id;
  event->entity = entity_.name;
  event->machine_id = message.machine_id;
  event->metric = metric_.name;
  event->statistic = to_string(check_.statistic);
  event->check = check_.id;
  event->kind = metric_.kpi ? wire::EventKind::app : wire::EventKind::sys;
  event->severity = check_.severity;
  event->unit = check_.statistic == Statistic::count ? "1" : metric_.unit;
  event->started_ns = alarm.started_ns();
  return event;
}

void CheckEvents::describe(wire::EventT& event, const Alarm& alarm, const MessageView& message,
                           const JudgedRow& row, const Judgement& judgement) const {
  event.last_abnormal_ns = alarm.last_abnormal_ns();
  event.updated_ns = message.window.end_ns;
  event.wall_offset_ns = message.wall_offset_ns;
  event.value = row.sample.value;
  event.worst = alarm.worst();
  event.occurrences = alarm.occurrences();
  if (judgement.verdict != Verdict::abnormal) {
    return;
  }
  event.direction = judgement.direction;
  event.expected_low = judgement.expected_low;
  event.expected_high = judgement.expected_high;
  event.score = judgement.score;
  event.labels = labels_of(message.table, row.index);
  const WordingFacts facts{check_,           metric_,        event,    judgement,
                           row.sample.value, &message.table, row.index};
  event.text = word(check_.text.en, facts);
  event.text_zh = word(check_.text.zh, facts);
}

void CheckEvents::send(wire::EventT& event, Outbox& out) const {
  out.send("events", wire::MessageType::event, entity_.name, to_message(event));
  event.state = wire::EventState::updated;
}

void CheckEvents::close(wire::EventT& event, wire::Ending ending, Outbox& out) const {
  event.state = wire::EventState::closed;
  event.ending = ending;
  send(event, out);
}

BaselinePoint point_of(const Sample& sample, const Window& window) {
  BaselinePoint point;
  point.value = log_of(sample.value);
  if (std::isfinite(sample.count)) {
    point.rate = log_of(sample.count / seconds(window));
  }
  if (std::isfinite(sample.in_flight)) {
    point.in_flight = log_of(sample.in_flight);
  }
  return point;
}

void AbnormalTime::forgive(const Window& window) {
  ns_ -= std::min(ns_, window.length_ns() / forgiveness);
}

}  // namespace gala
