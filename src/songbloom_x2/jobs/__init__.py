"""Jobs that survive: a durable queue, the workers that make songs, and the songs that were made.

``service.JobService`` is the one door; HTTP and the web page see nothing else of this room.
"""
