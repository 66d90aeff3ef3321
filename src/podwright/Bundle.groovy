package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '66f89d59615a57509b45bb5144a19829740eeb14da03c69795208bcad5096377'
  static final String JOBS_SUM = '63cb3650704efa3efacb9f406578a746e0d73be89943b2d828a54285921aa77b'

  private static final long serialVersionUID = 1L
}
