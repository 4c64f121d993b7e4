# librdkafka is linked by this stage alone.
pkg_check_modules(RDKAFKA REQUIRED IMPORTED_TARGET rdkafka)
target_link_libraries(stage_kafka_sink PUBLIC PkgConfig::RDKAFKA)
