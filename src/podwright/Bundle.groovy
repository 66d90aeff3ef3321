package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'b0abe1910cd795acdbf60643d84bb917d037863429896406dc8d6838cfbbc0b5'
  static final String JOBS_SUM = '63cb3650704efa3efacb9f406578a746e0d73be89943b2d828a54285921aa77b'

  private static final long serialVersionUID = 1L
}
