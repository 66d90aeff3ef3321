package podwright

import com.cloudbees.groovy.cps.NonCPS
import groovy.json.JsonOutput

/** Pure functions for images whose platforms are built in pods of their own. */
class Parts implements Serializable {
  private static final long serialVersionUID = 1L

  /** Says why a request cannot be split into one for each platform, or returns null. */
  @NonCPS
  static String problem(Map request, boolean inBuilderPod) {
    if (inBuilderPod) {
      return 'podPerPlatform: this pod is there already; call buildImage outside of withBuilderPod.'
    }
    if (request.images != null) {
      return 'podPerPlatform: builds one image; call buildImage for each of images.'
    }
    if (request.pool != null && request.pool != '') {
      return 'podPerPlatform: a pool has daemons for each platform; leave one of both out.'
    }
    List platforms = platformsOf(request)
    for (Object platform : platforms) {
      if (!platform.matches('[a-z0-9]+/[a-z0-9_]+(/v[0-9]+)?')) {
        return "podPerPlatform: '${platform}' is not a platform such as 'linux/arm64'.".toString()
      }
    }
    String example = "platforms: ['linux/amd64', 'linux/arm64']"
    return platforms.size() > 1 ? null
      : "podPerPlatform: name two or more, e.g. ${example}.".toString()
  }

  /** Returns a request for each platform. */
  @NonCPS
  static List of(Map request) {
    List requests = []
    for (Object platform : platformsOf(request)) {
      requests.add(request + [platforms: [platform], part: true])
    }
    return requests
  }

  /** Returns a pod, as JSON, for nodes that build the platform of its request natively. */
  @NonCPS
  static String onNode(String pod, Map request) {
    Map made = Requests.parse(pod)
    String architecture = request.platforms.get(0).toString().tokenize('/').get(1)
    // Processors of 64 bits run programs of 32.
    Map wider = ['386': 'amd64', arm: 'arm64']
    Map own = made.spec.nodeSelector == null ? [:] : (Map) made.spec.nodeSelector
    String wanted = wider.containsKey(architecture) ? wider.get(architecture) : architecture
    made.spec.nodeSelector = ['kubernetes.io/arch': wanted] + own
    return JsonOutput.toJson(made)
  }

  /** Notes what a pod has built, and gives the result of its build all that is there. */
  @NonCPS
  static void put(Map parts, Map turn, Object result) {
    parts.built.put(turn.joins, result.digest)
    result.put('parts', parts.built)
  }

  /** Returns the result of all branches: that of the last one, or what is true of each. */
  @NonCPS
  static Map result(Map request, Map branches) {
    Map found = [:]
    for (Object one : branches.values()) {
      if (one instanceof Map) {
        found = found + (Map) one
      }
    }
    found.remove('parts')
    return found + [platforms: platformsOf(request)]
  }

  /** Returns each platform once. */
  @NonCPS
  private static List platformsOf(Map request) {
    List found = []
    for (Object platform : request.platforms instanceof List ? (List) request.platforms : []) {
      if (!found.contains(platform.toString())) {
        found.add(platform.toString())
      }
    }
    return found
  }
}
