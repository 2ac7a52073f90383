// http_load: sends one HTTP request again and again over kept-alive connections, as fast as the answers come.
//
//   http_load PORT PATH HEADERS_FILE BODY_FILE CONNECTIONS SECONDS
//
// HEADERS_FILE holds header lines without Content-Length and Host. Prints one JSON object: requests answered with 200,
// errors, seconds, and the latencies p50, p90 and p99 in microseconds. A closed loop with one thread a connection: what
// it measures is the server, for its own work is a write and a read a request.
#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <netinet/tcp.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

std::string ReadFile(const char *path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// One connection to 127.0.0.1.
class Connection {
public:
  explicit Connection(int port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    const timeval patience{60, 0}; // an answer that takes longer does not come
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(socket_, reinterpret_cast<sockaddr *>(&address), sizeof(address)) != 0) {
      std::perror("connect");
      std::exit(1);
    }
    buffer_.resize(1 << 20);
  }
  ~Connection() { close(socket_); }
  Connection(const Connection &) = delete;
  Connection &operator=(const Connection &) = delete;

  /// Sends `request` and reads the whole answer; whether its status is 200. Ends the program when the connection
  /// breaks.
  bool Ask(const std::string &request) {
    for (std::size_t sent = 0; sent < request.size();) {
      const ssize_t now = send(socket_, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
      if (now <= 0) {
        Broken("send");
      }
      sent += static_cast<std::size_t>(now);
    }
    std::string head;
    std::size_t end = std::string::npos;
    while (end == std::string::npos) {
      head.append(buffer_.data(), Receive());
      end = head.find("\r\n\r\n");
    }
    std::transform(head.begin(), head.begin() + static_cast<std::ptrdiff_t>(end), head.begin(), ::tolower);
    const std::size_t length_at = head.find("\r\ncontent-length:");
    if (length_at == std::string::npos || length_at > end) {
      // A stream of events; its pieces hold no such text.
      std::string last = head;
      while (last.find("\r\n0\r\n\r\n") == std::string::npos) {
        last = last.substr(last.size() - std::min<std::size_t>(last.size(), 8));
        last.append(buffer_.data(), Receive());
      }
      return head.compare(9, 3, "200") == 0;
    }
    const std::size_t length = std::strtoull(head.c_str() + length_at + 17, nullptr, 10);
    for (std::size_t got = head.size() - end - 4; got < length;) {
      got += Receive();
    }
    return head.compare(9, 3, "200") == 0;
  }

private:
  std::size_t Receive() {
    const ssize_t now = recv(socket_, buffer_.data(), buffer_.size(), 0);
    if (now <= 0) {
      Broken("recv");
    }
    return static_cast<std::size_t>(now);
  }
  [[noreturn]] static void Broken(const char *what) {
    std::perror(what);
    std::exit(1);
  }

  int socket_;
  std::vector<char> buffer_;
};

double At(const std::vector<double> &sorted, double share) {
  return sorted.empty() ? 0 : sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 7) {
    std::fprintf(stderr, "usage: http_load PORT PATH HEADERS_FILE BODY_FILE CONNECTIONS SECONDS\n");
    return 2;
  }
  const int port = std::atoi(argv[1]);
  const std::string body = ReadFile(argv[4]);
  const std::string request = "POST " + std::string(argv[2]) + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + ReadFile(argv[3]) +
                              "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  const auto count = static_cast<std::size_t>(std::atoi(argv[5]));
  const double seconds = std::atof(argv[6]);
  std::vector<std::vector<double>> latencies(count);
  std::atomic<long> errors{0};
  std::vector<std::thread> threads;
  const auto start = Clock::now();
  const auto end = start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  for (std::size_t index = 0; index < count; ++index) {
    threads.emplace_back([&, index] {
      Connection connection(port);
      auto before = Clock::now();
      while (before < end) {
        errors += connection.Ask(request) ? 0 : 1;
        const auto after = Clock::now();
        latencies[index].push_back(std::chrono::duration<double, std::micro>(after - before).count());
        before = after;
      }
    });
  }
  for (std::thread &thread : threads) {
    thread.join();
  }
  const double took = std::chrono::duration<double>(Clock::now() - start).count();
  std::vector<double> all;
  for (const auto &part : latencies) {
    all.insert(all.end(), part.begin(), part.end());
  }
  std::sort(all.begin(), all.end());
  std::printf("{\"requests\": %zu, \"errors\": %ld, \"seconds\": %.6f, \"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f}\n",
              all.size() - static_cast<std::size_t>(errors.load()), errors.load(), took, At(all, 0.5), At(all, 0.9),
              At(all, 0.99));
  return 0;
}
