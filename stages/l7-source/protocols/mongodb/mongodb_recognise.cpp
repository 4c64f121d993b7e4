// What tells MongoDB from other protocols: a header, and a document that begins with a command.
#include "stages/l7-source/protocols/mongodb/mongodb_message.h"

namespace gala::l7_source {

Recognised recognise_mongodb(const Opening& opening) {
  if (opening.request.empty()) {
    return opening.from_start && !opening.reply.empty() ? Recognised::no : Recognised::more;
  }
  Fields in(opening.request);
  if (in.le32() > longest_mongodb_message) {
    return Recognised::no;
  }
  if (opening.request.size() < mongodb_header_size + 10) {
    const bool header = opening.request.size() >= mongodb_header_size;
    return header && !is_mongodb_header(mongodb_header(opening.request)) ? Recognised::no
                                                                         : Recognised::more;
  }
  const MongodbHeader asked = mongodb_header(opening.request);
  if (!is_mongodb_header(asked) || asked.responds_to != 0 ||
      asked.operation == mongodb_operation::reply) {
    return Recognised::no;
  }
  const MongodbCommand command =
      mongodb_command(asked, opening.request.subspan(mongodb_header_size));
  if (!command.valid) {
    return opening.request.size() < 64 ? Recognised::more : Recognised::no;
  }
  if (opening.reply.size() < mongodb_header_size) {
    return command.known ? Recognised::yes : Recognised::more;
  }
  const MongodbHeader answered = mongodb_header(opening.reply);
  const bool answers =
      is_mongodb_header(answered) && (answered.operation == mongodb_operation::message ||
                                      answered.operation == mongodb_operation::reply ||
                                      answered.operation == mongodb_operation::compressed);
  return answers && (command.known || answered.responds_to == asked.id) ? Recognised::yes
                                                                        : Recognised::no;
}

}  // namespace gala::l7_source
