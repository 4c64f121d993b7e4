// Every protocol that the stage understands: one line each.
#include "stages/l7-source/protocols.h"

#include <algorithm>
#include <array>

#include "stages/l7-source/protocols/dns/dns.h"
#include "stages/l7-source/protocols/http/http.h"
#include "stages/l7-source/protocols/http2/http2.h"
#include "stages/l7-source/protocols/kafka/kafka.h"
#include "stages/l7-source/protocols/memcached/memcached.h"
#include "stages/l7-source/protocols/mongodb/mongodb.h"
#include "stages/l7-source/protocols/mysql/mysql.h"
#include "stages/l7-source/protocols/nats/nats.h"
#include "stages/l7-source/protocols/postgresql/postgresql.h"
#include "stages/l7-source/protocols/redis/redis.h"

namespace gala::l7_source {

std::span<const Protocol> protocols() {
  static const std::array all{
      http2_protocol(), http_protocol(),      redis_protocol(), postgresql_protocol(),
      mysql_protocol(), mongodb_protocol(),   nats_protocol(),  dns_protocol(),
      kafka_protocol(), memcached_protocol(),
  };
  return all;
}

const Protocol* find_protocol(std::string_view name) {
  const auto all = protocols();
  const auto found = std::ranges::find(all, name, &Protocol::name);
  return found == all.end() ? nullptr : &*found;
}

}  // namespace gala::l7_source
