// The conversation: hello, requests, replies, jobs; see session.h.

#include "wire/session.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include "os/platform.h"
#include "wire/wire_codec.h"

namespace node {
namespace {

constexpr double kHelloSilenceS = 10.0;

std::int64_t now_ms() {
    const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(since_1970).count();
}

}  // namespace

Session::Session(const ConnectionInfo& info, const std::string& client_name, const Patience& patience)
    : endpoint_(info.endpoint), key_(info.key) {
    const Patience short_patience = patience.with_silence(std::min(kHelloSilenceS, patience.silence_s()));
    connection_ = std::make_unique<ZmtpConnection>(endpoint_, short_patience);
    say_hello(client_name, short_patience);
}

void Session::say_hello(const std::string& client_name, const Patience& patience) {
    MsgpackWriter content;
    content.map(4);
    content.text("client"), content.text(client_name.substr(0, 128));
    content.text("protocols"), content.array(1), content.text(kProtocolVersion);
    content.text("pid"), content.integer(process_id());
    content.text("shm"), content.boolean(SharedSegment::is_available() && endpoint_.rfind("ipc://", 0) == 0);
    const Reply welcome = ask("hello", content, "welcome", patience);
    session_ = welcome.content.text_at("session");
    engine_ = welcome.content.text_at("engine");
    device_ = welcome.content.text_at("device");
    licence_ = welcome.content.text_at("licence", "");
    shares_memory_ = welcome.content.bool_at("shm", false) && SharedSegment::is_available();
    shared_minimum_ = static_cast<std::size_t>(welcome.content.integer_at("shm_min_bytes", std::int64_t{8} << 20));
    shared_maximum_ = static_cast<std::size_t>(welcome.content.integer_at("shm_max_bytes", std::int64_t{1} << 30));
}

void Session::look(const Patience& patience) {
    try {
        connection_->look(patience);
    } catch (...) {
        is_usable_ = false;
        throw;
    }
}

std::string Session::self_description() const {
    return engine_ + " on " + device_ + (licence_.empty() ? "" : "; weights: " + licence_);
}

std::string Session::send(const char* type, const MsgpackWriter& content, const Patience& patience,
                          std::optional<std::string_view> buffer) {
    const RequestHead head{new_message_id(), type, session_, ++seq_, now_ms()};
    const SignedRequest request = sign_request(key_, head, content.bytes());
    std::vector<std::string_view> parts = request.parts();
    if (buffer) parts.push_back(*buffer);
    try {
        connection_->send(parts, patience);
    } catch (...) {
        is_usable_ = false;  // perhaps in the middle of a message
        throw;
    }
    return head.id;
}

// The next verified reply to anything; nothing when there is none by the given time. A reply that does not verify is
// dropped, except the unsigned error, which hints that this connection's key is out of date.
std::optional<Reply> Session::next_reply(Clock::time_point latest, const Patience& patience) {
    try {
        while (auto parts = connection_->receive_until(latest, patience)) {
            try {
                Reply reply = read_reply(key_, std::move(*parts));
                if (!reply.is_unsigned_error) return reply;
                is_usable_ = false;
                throw ConnectionLost("The backend does not accept this node's signature: " +
                                     reply.content.text_at("message", "no reason given"));
            } catch (const ProtocolError&) {
                continue;
            }
        }
    } catch (const ConnectionLost&) {
        is_usable_ = false;
        throw;
    }
    return std::nullopt;
}

Reply Session::wait_for_reply(const std::string& request_id, const Patience& patience, const std::string& stage) {
    const auto latest = patience.deadline();
    while (auto reply = next_reply(latest, patience)) {
        if (reply->answers == request_id) return std::move(*reply);
        give_back_unwanted(*reply, patience);
    }
    is_usable_ = false;
    const std::string during = stage.empty() ? "" : " (last seen at stage '" + stage + "')";
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%g", patience.silence_s());
    throw NodeError("The backend at " + endpoint_ + " has not answered for " + seconds + " s" + during +
                    ". Read " + join_path(runtime_directory(), "daemon.log") + ", or stop it and render again.");
}

Reply Session::expect(const char* type, const std::string& request_id, const Patience& patience) {
    Reply reply = wait_for_reply(request_id, patience);
    if (reply.type == "error") throw_error(reply);
    if (reply.type != type)
        throw NodeError("The backend answered '" + reply.type + "' where '" + type + "' was due; update it.");
    return reply;
}

// Codes that say this conversation is over, while another one may go well, count as a lost connection.
void Session::throw_error(const Reply& reply) {
    const std::string code = reply.content.text_at("code"), message = reply.content.text_at("message");
    if (code == "no_session" || code == "unknown_shot" || code == "shutting_down" || code == "replayed") {
        is_usable_ = false;
        throw ConnectionLost(message);
    }
    throw BackendError(code, message);
}

Reply Session::ask(const char* type, const MsgpackWriter& content, const char* reply_type, const Patience& patience) {
    return expect(reply_type, send(type, content, patience), patience);
}

RenderedFrame Session::render(const std::string& shot, const RenderWish& wish, const ProgressListener& listener,
                              const Patience& patience) {
    MsgpackWriter content;
    content.map(7);
    content.text("shot"), content.text(shot);
    content.text("frames"), content.array(1), content.integer(wish.frame);
    content.text("quality"), content.text(wish.quality);
    content.text("priority"), content.text(wish.priority);
    content.text("output"), content.text(wish.output);
    content.text("dtype"), content.text(wire_name(wish.dtype));
    content.text("crop"), content.boolean(true);
    segment_for(download_, "download", shot_bytes(shot, wish.dtype), patience);
    std::optional<RenderedFrame> rendered;
    const auto keep = [&](Reply& reply) {
        if (!reply.content.bool_at("provisional") && reply.content.integer_at("frame") == wish.frame)
            rendered = read_result(reply);
    };
    const Reply done = await_job(send("render", content, patience), keep, listener, patience);
    if (!rendered)
        throw NodeError("The backend returned no picture of frame " + std::to_string(wish.frame) +
                        "; update it.");
    rendered->flow_pairs = read_flow_pairs(done.content);
    rendered->warnings = read_warnings(done.content);
    return std::move(*rendered);
}

void Session::analyse(const std::string& shot, int first, int last, const std::string& quality,
                      const ProgressListener& listener, const Patience& patience) {
    MsgpackWriter content;
    content.map(4);
    content.text("shot"), content.text(shot);
    content.text("first"), content.integer(first);
    content.text("last"), content.integer(last);
    content.text("quality"), content.text(quality);
    await_job(send("analyse", content, patience), [](Reply&) {}, listener, patience);
}

// Follows a job to its end, which it returns; throws what ended it otherwise. An abort is passed on to the daemon.
Reply Session::await_job(const std::string& request_id, const std::function<void(Reply&)>& on_result,
                         const ProgressListener& listener, const Patience& patience) {
    std::string job, stage;
    try {
        for (;;) {
            Reply reply = wait_for_reply(request_id, patience, stage);
            if (reply.type == "accepted") {
                job = reply.content.text_at("job");
            } else if (reply.type == "progress") {
                stage = reply.content.text_at("stage");
                listener({stage, reply.content.integer_at("done", 0), reply.content.integer_at("total", 0)});
            } else if (reply.type == "result") {
                on_result(reply);
            } else if (reply.type == "done") {
                return reply;
            } else if (reply.type == "cancelled") {
                throw NodeError("The backend cancelled this frame. Render it again.");
            } else if (reply.type == "error") {
                throw_error(reply);
            }
        }
    } catch (const Aborted&) {
        if (!job.empty())
            cancel_quietly(job);
        else
            is_usable_ = false;  // the job cannot be named, so hanging up is the only way to say stop
        throw;
    }
}

// Says cancel and does not wait: the host has stopped asking.
void Session::cancel_quietly(const std::string& job) {
    MsgpackWriter content;
    content.map(1);
    content.text("job"), content.text(job);
    const Patience brief([] { return false; }, 0.05);
    try {
        send("cancel", content, brief);
    } catch (const NodeError&) {
        is_usable_ = false;
    }
}

std::string not_understood(const MsgpackError& error) {
    return std::string("The node cannot read the backend's answer (") + error.what() + "). Update whichever is older.";
}

}  // namespace node
