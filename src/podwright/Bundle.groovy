package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'b9d51e617391143b068a80b877de0554077700aea1b02854586bff8416ac0f98'
  static final String JOBS_SUM = 'e5f69d1eb669df7c1e46b3b2dad294b9434769961654571d07b4ebc325af860e'

  private static final long serialVersionUID = 1L
}
