// gala-kafka-sink: events, diagnoses, metadata and metrics to Apache Kafka.
#include "runtime/model/stage_main.h"
#include "stages/kafka-sink/kafka_sink.h"

int main(int argc, char** argv) {
  return gala::stage_main<gala::kafka_sink::KafkaSink>(argc, argv);
}
